"""Picture files: reading them, preparing them for classifiers, and writing them; the same for every backend."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bench.records.preparation import IMAGENET_MEAN, IMAGENET_STD, Preparation, both

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

_USUAL = Preparation()
# Good enough for the eye, and about what cameras write.
_JPEG_QUALITY = 92


def load_picture(
    file: Path | BinaryIO, height: int, width: int, preparation: Preparation = _USUAL
) -> NDArray[np.uint8]:
    """A picture file as uint8 (channels, height, width): resized and cropped in the centre as `preparation` says.

    By default the usual evaluation transform of ImageNet classifiers (256 to 224), in RGB. Raises OSError for a file
    that is not a picture.
    """
    from PIL import Image

    converted = _opened(file, "L" if preparation.channels == "L" else "RGB")
    size = resized_size(preparation, converted.size, height, width)
    resized = converted.resize(size, Image.Resampling[preparation.interpolation.upper()])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    cropped = np.asarray(resized.crop((left, top, left + width, top + height)), np.uint8)
    return _planes(cropped, preparation)


def resized_size(preparation: Preparation, own: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Width and height before the crop of a picture that is `own` wide and high."""
    if preparation.resize is not None and not isinstance(preparation.resize, int):
        tall, wide = both(preparation.resize)
        return wide, tall
    shorter = preparation.resize if preparation.resize is not None else max(height, width) * 8 / 7
    scale = shorter / min(own)
    return max(width, round(own[0] * scale)), max(height, round(own[1] * scale))


def normalised(pictures: NDArray[np.uint8], preparation: Preparation = _USUAL) -> NDArray[np.float32]:
    """(n, channels, h, w) uint8 to float32; by default with ImageNet's channel means and deviations."""
    usual = preparation.channels != "L" and not preparation.normalises
    mean, deviation = preparation.mean, preparation.std
    if usual:
        order = -1 if preparation.channels == "BGR" else 1
        mean, deviation = IMAGENET_MEAN[::order], IMAGENET_STD[::order]
    # A quotient where nothing else is asked for: 1/255 has no float32 of its own.
    scaled = pictures.astype(np.float32)
    scaled = scaled / np.float32(255) if preparation.scale is None else scaled * np.float32(preparation.scale)
    result: NDArray[np.float32] = (scaled - _by_channel(mean, 0.0)) / _by_channel(deviation, 1.0)
    return result


def _by_channel(values: tuple[float, ...] | None, default: float) -> NDArray[np.float32]:
    return np.array((default,) if values is None else values, np.float32)[:, None, None]


def as_input(pictures: NDArray[np.uint8], dtype: str, preparation: Preparation = _USUAL) -> NDArray[np.generic]:
    """(n, channels, h, w) uint8 in the type and layout that a model takes: as it is for uint8, else `normalised`."""
    ready = pictures if dtype == "uint8" else normalised(pictures, preparation)
    return np.ascontiguousarray(ready.transpose(0, 2, 3, 1)) if preparation.layout == "NHWC" else ready


def resized_picture(file: Path | BinaryIO, height: int, width: int) -> NDArray[np.uint8]:
    """A picture file as uint8 (3, height, width), RGB, the whole of it resized by Pillow's bilinear filter.

    Raises OSError for a file that is not a picture.
    """
    from PIL import Image

    resized = _opened(file).resize((width, height), Image.Resampling.BILINEAR)
    return _planes(np.asarray(resized, np.uint8), _USUAL)


def whole_picture(file: Path | BinaryIO) -> NDArray[np.uint8]:
    """A picture file as uint8 (3, its height, its width), RGB. Raises OSError for a file that is not a picture."""
    return _planes(np.asarray(_opened(file), np.uint8), _USUAL)


def as_jpeg(picture: NDArray[np.uint8], enlarged: int = 1) -> bytes:
    """The JPEG file of (3, h, w), enlarged by cubic interpolation; colours at half resolution, as in cameras."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    if enlarged > 1:
        image = image.resize((image.width * enlarged, image.height * enlarged), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=2)
    return file.getvalue()


def _opened(file: Path | BinaryIO, mode: str = "RGB") -> Picture:
    from PIL import Image

    with Image.open(file) as picture:
        return picture.convert(mode)


def _planes(pixels: NDArray[np.uint8], preparation: Preparation) -> NDArray[np.uint8]:
    """(h, w) or (h, w, 3) as (channels, h, w) in the order that is asked for."""
    channels = pixels.reshape(*pixels.shape[:2], -1).transpose(2, 0, 1)
    return np.ascontiguousarray(channels[::-1] if preparation.channels == "BGR" else channels)
