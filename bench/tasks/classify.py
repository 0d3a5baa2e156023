"""Classification: the answer is the class of the largest output; pictures and commands differ only in their metric.

Also the preparation of picture files, the same for every backend.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.tasks.base import Outputs, Task

# Channel means and deviations of ImageNet on the 0 to 1 scale, as torchvision's published classifiers expect them.
_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)


def top_class(outputs: Outputs) -> NDArray[np.int64]:
    """Index of the largest value per sample of the first output, (n, …) flattened to (n, classes).

    A row that holds NaN answers -1, which is never a label, so that NaN cannot count as correct.
    """
    scores = next(iter(outputs.values()))
    flat = scores.reshape(len(scores), -1)
    answers: NDArray[np.int64] = np.argmax(flat, axis=1).astype(np.int64)
    if np.issubdtype(flat.dtype, np.floating):
        answers[np.isnan(flat.astype(np.float64)).any(axis=1)] = -1
    return answers


def load_picture(path: Path, height: int, width: int) -> NDArray[np.uint8]:
    """A picture file as uint8 (3, height, width): shorter side resized to 8/7 of the target, centre crop, RGB.

    This is the usual evaluation transform of ImageNet classifiers (256 to 224). Raises OSError for a file that is
    not a picture.
    """
    from PIL import Image

    with Image.open(path) as picture:
        rgb = picture.convert("RGB")
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


CLASSIFY = Task(name="classify", metric="top1")
COMMAND = Task(name="command", metric="accuracy")
