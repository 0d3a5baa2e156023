"""A user's speech manifest: sounds and tokens in order, or one line that says why not and where."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from bench.models.user_files import BadModel
from bench.models.user_manifest import _cut, read_manifest

TOKENS = ("", "打", "开", "空调", "空", "a", "ab", "abc")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rate, samples in (("a", 8000, 100), ("b", 8000, 160), ("slow", 4000, 50), ("long", 8000, 161)):
        soundfile.write(tmp_path / f"{name}.wav", np.zeros(samples, np.int16), rate)
    soundfile.write(tmp_path / "none.wav", np.zeros(0, np.int16), 8000)
    (tmp_path / "text.wav").write_bytes(b"no sound")
    (tmp_path / "zero.wav").write_bytes(b"")
    return tmp_path


def listed(folder: Path, *lines: object) -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    (folder / "manifest.jsonl").write_text("\n".join(texts) + "\n", encoding="utf-8")
    return folder / "manifest.jsonl"


def read(file: Path) -> tuple[list[Path], np.ndarray]:
    return read_manifest(file, TOKENS, 8000, 160)


def test_files_and_tokens_in_order(folder: Path) -> None:
    files, labels = read(
        listed(folder, {"path": "b.wav", "text": "打开空调"}, "", {"path": "a.wav", "text": "空 开", "duration": 2.5})
    )
    assert [file.name for file in files] == ["b.wav", "a.wav"]
    assert labels.tolist() == [[1, 2, 3], [4, 2, -1]]


@given(st.lists(st.sampled_from(["a", "ab", "abc", "打"]), min_size=1, max_size=8))
def test_the_longest_token_that_fits_is_taken(words: list[str]) -> None:
    known = {token: number for number, token in enumerate(TOKENS) if token}
    ids = _cut(Path("m"), 1, " ".join(words), known, 3)
    assert [TOKENS[number] for number in ids] == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 1: not usable as JSON"),
        ("[]", "line 1: Expected `object`"),
        ({"path": "a.wav"}, "line 1: Object missing required field `text`"),
        ({"path": 3, "text": "打"}, "line 1: Expected `str`, got `int`"),
        ({"path": "gone.wav", "text": "打"}, "line 1: 'gone.wav' is no file"),
        ({"path": "", "text": "打"}, "line 1: '' is no file"),
        ({"path": "a\0.wav", "text": "打"}, "is no file"),
        ({"path": "text.wav", "text": "打"}, "line 1: 'text.wav' is no sound that can be read"),
        ({"path": "zero.wav", "text": "打"}, "line 1: 'zero.wav' is no sound that can be read"),
        ({"path": "none.wav", "text": "打"}, "has 0 samples"),
        ({"path": "slow.wav", "text": "打"}, "has 4000 samples per second, and `sample_rate` is 8000"),
        ({"path": "long.wav", "text": "打"}, "has 161 samples; the network takes 1 to 160"),
        ({"path": "a.wav", "text": "打x"}, "line 1: 'x' is none of the 7 `tokens`"),
        ({"path": "a.wav", "text": " "}, "line 1: it says nothing"),
        ("x" * (1 << 17), "line 1: more than 65536 bytes"),
        ("", "it names no sound"),
    ],
)
def test_what_is_no_manifest_is_told_with_its_line(folder: Path, line: object, words: str) -> None:
    with pytest.raises(BadModel) as caught:
        read(listed(folder, line))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_line_of_gigabytes_is_not_read_to_its_end(folder: Path) -> None:
    """A file of holes: four gigabytes that take no room."""
    with (folder / "huge.jsonl").open("wb") as file:
        file.truncate(4 << 30)
    with pytest.raises(BadModel, match="line 1: more than 65536 bytes"):
        read(folder / "huge.jsonl")


def test_what_is_not_there(folder: Path) -> None:
    with pytest.raises(BadModel, match="is a folder"):
        read(folder)
    with pytest.raises(BadModel, match="does not exist"):
        read(folder / "none.jsonl")
