"""A user's list of people: documents and live pictures as the measure takes them, or one line that says why not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.measures import MEASURES
from bench.models.user_files import BadModel
from bench.models.user_model import UserWorkload
from bench.models.user_pairs import read_pairs
from bench.tasks import VERIFY

from ..fixtures import tiny_onnx


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "faces").mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c", "d"):
        for side in ("id", "live"):
            pixels = rng.integers(0, 256, (20, 20, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "faces" / f"{name}-{side}.png")
    return tmp_path


def listed(folder: Path, text: str, name: str = "pairs.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def line(name: str, separator: str = ",") -> str:
    return f"faces/{name}-id.png{separator}faces/{name}-live.png"


def test_documents_and_live_pictures_alternate(folder: Path) -> None:
    files, labels = read_pairs(listed(folder, f"document,live\n{line('a')}\n\n{line('c')}\n"))
    assert [file.name for file in files] == ["a-id.png", "a-live.png", "c-id.png", "c-live.png"]
    assert labels.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]


def test_whoever_has_a_name_is_one_person(folder: Path) -> None:
    text = f"person,live,document\nLi,faces/a-live.png,faces/a-id.png\nWu,faces/b-live.png,faces/b-id.png\n,{line('c')}"
    text += "\nLi,faces/d-live.png,faces/d-id.png\n"
    files, labels = read_pairs(listed(folder, text))
    assert labels[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 0, 0]
    assert files[6].name == "d-id.png"


def test_tabs_in_a_file_that_is_called_so_and_a_mark_at_the_start(folder: Path) -> None:
    files, _ = read_pairs(listed(folder, f"\ufeffdocument\tlive\n{line('a', chr(9))}\n{line('b', chr(9))}\n", "p.tsv"))
    assert len(files) == 4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it is empty"),
        (f"{line('a')}\n", "line 1: the head line is"),
        ("document,live,live\n", "each once"),
        (f"document,live\n{line('a')},more\n", "line 2: 3 fields"),
        (f"document,live\n{line('a')}\nfaces/a-id.png,faces/none.png\n", "line 3: live 'faces/none.png' is no file"),
        (f"document,live\n{line('a')}\nfaces/a-id.png,\n", "line 3: live '' is no file"),
        (f"document,live\n{line('a')}\nfaces/a-id.png,faces\n", "line 3: live 'faces' is no file"),
        (f"document,live\n{line('a')}\n", "1 people"),
        (f'document,live\n"{line("a")}\n', "cannot be read as a list of pairs"),
        ("document,live\n" + "x" * (1 << 17), "line 2: more than 65536 characters"),
    ],
)
def test_what_is_no_list_is_told_with_its_line(folder: Path, text: str, words: str) -> None:
    with pytest.raises(BadModel) as caught:
        read_pairs(listed(folder, text))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_text_and_what_is_not_there(folder: Path) -> None:
    (folder / "pairs.csv").write_bytes(b"document,live\n\xff\xfe\x00")
    with pytest.raises(BadModel, match="cannot be read"):
        read_pairs(folder / "pairs.csv")
    with pytest.raises(BadModel, match="is a folder"):
        read_pairs(folder)
    with pytest.raises(BadModel, match="does not exist"):
        read_pairs(folder / "none.csv")


def test_a_model_and_its_pairs_are_measured_as_the_suite_is(folder: Path) -> None:
    text = "document,live\n" + "".join(f"{line(name)}\n" for name in "abcd")
    workload = UserWorkload(tiny_onnx(folder / "m.onnx"), listed(folder, text), task=VERIFY.name)
    quality = workload.spec.quality
    assert (quality.metric, quality.evaluation_samples, quality.group) == (VERIFY.metric, 8, 2)
    indices = np.arange(8)
    assert workload.evaluation_inputs(indices)["x"].shape == (8, 3, 8, 8)
    labels = workload.evaluation_labels(indices)
    assert labels is not None
    refused = MEASURES[VERIFY.name].value({"logits": np.ones((8, 5), np.float32)}, labels)
    assert getattr(refused, "code", "") == "too-few-impostors", "four people cannot carry FAR 0.1 %"
