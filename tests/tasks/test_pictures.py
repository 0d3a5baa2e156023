"""`bench.tasks.pictures`: how a picture file becomes an input, and an input a picture file."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.tasks.pictures import as_jpeg, load_picture, normalised, resized_picture, whole_picture


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


def smooth(height: int, width: int) -> np.ndarray:
    """A picture without sharp edges, (3, height, width), which compression hardly changes."""
    y, x = np.mgrid[0:height, 0:width]
    planes = [120 + 80 * np.sin(x / 17), 120 + 80 * np.cos(y / 23), 100 + 50 * np.sin((x + y) / 29)]
    return np.stack(planes).astype(np.uint8)


@pytest.mark.parametrize("enlarged", [1, 2, 3])
def test_a_jpeg_file_holds_the_picture_enlarged(enlarged: int) -> None:
    picture = smooth(48, 80)
    data = as_jpeg(picture, enlarged)
    with Image.open(io.BytesIO(data)) as file:
        assert (file.format, file.size) == ("JPEG", (80 * enlarged, 48 * enlarged))
    back = resized_picture(io.BytesIO(data), 48, 80)
    assert back.shape == (3, 48, 80)
    assert np.abs(back.astype(int) - picture).mean() < 3
    assert as_jpeg(picture, enlarged) == data, "the same picture, the same file"


def test_the_whole_picture_is_resized_and_nothing_cut_off(tmp_path: Path) -> None:
    pixels = np.zeros((10, 40, 3), np.uint8)
    pixels[:, :20] = 255
    found = resized_picture(save(tmp_path, pixels), 4, 4)
    (row,) = {tuple(line) for line in found[0].tolist()}
    assert (row[0], row[3]) == (255, 0), "both rims are still there"
    assert row[1] + row[2] == 255, "and the edge is in the middle"


def test_a_whole_picture_keeps_its_size(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 9, 3), np.uint8)
    found = whole_picture(save(tmp_path, pixels))
    assert (found == pixels.transpose(2, 0, 1)).all()
    with pytest.raises(OSError, match="cannot identify"):
        whole_picture(io.BytesIO(b"no picture"))
