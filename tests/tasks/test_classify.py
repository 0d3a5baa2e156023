"""`bench.tasks`: what an output means, and how a picture becomes an input."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from bench.records.plan import PRECISIONS
from bench.tasks import TASKS
from bench.tasks.base import ERROR_CLASS
from bench.tasks.classify import load_picture, normalised, top_class

SCORES = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 8)), elements=st.floats(width=32))


def slow_top(row: list[float]) -> int:
    if any(value != value for value in row):
        return -1
    return max(range(len(row)), key=lambda place: (row[place], -place))


@given(SCORES)
def test_the_answer_is_the_first_largest_and_nan_is_none(scores: np.ndarray) -> None:
    assert top_class({"y": scores}).tolist() == [slow_top(row) for row in scores.tolist()]


def test_the_first_output_answers_and_is_flattened() -> None:
    outputs = {"b": np.eye(4, dtype=np.int8).reshape(4, 2, 1, 2), "a": np.zeros((4, 9))}
    answers = top_class(outputs)
    assert answers.tolist() == [0, 1, 2, 3]
    assert answers.dtype == np.int64


def test_half_precision_is_understood() -> None:
    scores = np.array([[1, 65504, -65504], [np.nan, 0, 0]], np.float16)
    assert top_class({"y": scores}).tolist() == [1, -1]


def test_every_task_goes_by_its_name_and_every_precision_has_an_error_class() -> None:
    assert all(task.name == name for name, task in TASKS.items())
    assert set(PRECISIONS) <= set(ERROR_CLASS)


# ----------------------------------------------------------------------------------------------------- pictures


def save(folder: Path, pixels: np.ndarray, name: str = "picture.png", mode: str | None = None) -> Path:
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(folder / name)
    return folder / name


@pytest.mark.parametrize("size", [(80, 80), (40, 200), (200, 40), (7, 9), (1, 1), (300, 299)])
@pytest.mark.parametrize("target", [(32, 32), (24, 48), (8, 8)])
def test_any_size_becomes_the_asked_size(tmp_path: Path, size: tuple[int, int], target: tuple[int, int]) -> None:
    picture = load_picture(save(tmp_path, np.full((*size, 3), 77, np.uint8)), *target)
    assert picture.shape == (3, *target)
    assert picture.dtype == np.uint8
    assert picture.flags.c_contiguous
    assert (picture == 77).all()


def test_channels_come_first_in_the_order_red_green_blue(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[..., 0], pixels[..., 2] = 200, 50
    picture = load_picture(save(tmp_path, pixels), 8, 8)
    assert picture[:, 4, 4].tolist() == [200, 0, 50]


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK"])
def test_other_colour_modes_are_converted(tmp_path: Path, mode: str) -> None:
    name = "picture.tif" if mode == "CMYK" else "picture.png"
    picture = load_picture(save(tmp_path, np.full((20, 20, 3), 255, np.uint8), name, mode), 8, 8)
    assert (picture == 255).all()


def test_the_middle_is_kept(tmp_path: Path) -> None:
    """Of a picture of 8/7 of the target nothing is resized, and an eighth is cut off around it."""
    pixels = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    picture = load_picture(save(tmp_path, pixels), 224, 224)
    assert (picture == pixels[16:240, 16:240].transpose(2, 0, 1)).all()


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n broken"])
def test_a_file_that_is_no_picture_is_an_os_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "picture.png").write_bytes(content)
    with pytest.raises(OSError, match="picture"):
        load_picture(tmp_path / "picture.png", 8, 8)


def test_normalising_takes_the_published_means_and_deviations() -> None:
    pictures = np.stack([np.zeros((3, 2, 2), np.uint8), np.full((3, 2, 2), 255, np.uint8)])
    found = normalised(pictures)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    assert found.dtype == np.float32
    assert found[0, :, 0, 0] == pytest.approx(-mean / deviation, rel=1e-6)
    assert found[1, :, 1, 1] == pytest.approx((1 - mean) / deviation, rel=1e-6)
