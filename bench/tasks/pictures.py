"""Picture files: reading them, preparing them for classifiers, and writing them; the same for every backend."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

# Channel means and deviations of ImageNet on the 0 to 1 scale, as torchvision's published classifiers expect them.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
# Good enough for the eye, and about what cameras write.
_JPEG_QUALITY = 92


def load_picture(file: Path | BinaryIO, height: int, width: int) -> NDArray[np.uint8]:
    """A picture file as uint8 (3, height, width): shorter side resized to 8/7 of the target, centre crop, RGB.

    This is the usual evaluation transform of ImageNet classifiers (256 to 224). Raises OSError for a file that is
    not a picture.
    """
    from PIL import Image

    rgb = _opened(file)
    scale = max(height, width) * 8 / 7 / min(rgb.size)
    size = (max(width, round(rgb.width * scale)), max(height, round(rgb.height * scale)))
    resized = rgb.resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    cropped = np.asarray(resized.crop((left, top, left + width, top + height)), np.uint8)
    return np.ascontiguousarray(cropped.transpose(2, 0, 1))


def normalised(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 3, h, w) uint8 to float32 with ImageNet's channel means and deviations."""
    scaled = pictures.astype(np.float32) / np.float32(255)
    result: NDArray[np.float32] = (scaled - _MEAN[:, None, None]) / _DEVIATION[:, None, None]
    return result


def resized_picture(file: Path | BinaryIO, height: int, width: int) -> NDArray[np.uint8]:
    """A picture file as uint8 (3, height, width), RGB, the whole of it resized by Pillow's bilinear filter.

    Raises OSError for a file that is not a picture.
    """
    from PIL import Image

    resized = _opened(file).resize((width, height), Image.Resampling.BILINEAR)
    return _planes(resized)


def whole_picture(file: Path | BinaryIO) -> NDArray[np.uint8]:
    """A picture file as uint8 (3, its height, its width), RGB. Raises OSError for a file that is not a picture."""
    return _planes(_opened(file))


def as_jpeg(picture: NDArray[np.uint8], enlarged: int = 1) -> bytes:
    """The JPEG file of (3, h, w), enlarged by cubic interpolation; colours at half resolution, as in cameras."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(picture.transpose(1, 2, 0)))
    if enlarged > 1:
        image = image.resize((image.width * enlarged, image.height * enlarged), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_JPEG_QUALITY, subsampling=2)
    return file.getvalue()


def _opened(file: Path | BinaryIO) -> Picture:
    from PIL import Image

    with Image.open(file) as picture:
        return picture.convert("RGB")


def _planes(picture: Picture) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.asarray(picture, np.uint8).transpose(2, 0, 1))
