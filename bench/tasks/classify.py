"""Classification: the answer is the class of the largest output; pictures and commands differ only in their metric.

Also the preparation of picture and sound files, the same for every backend.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.records.preparation import IMAGENET_MEAN, IMAGENET_STD, Preparation, both
from bench.tasks.base import Outputs, Task

_USUAL = Preparation()


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


def load_picture(path: Path, height: int, width: int, preparation: Preparation = _USUAL) -> NDArray[np.uint8]:
    """A picture file as uint8 (channels, height, width): resized and cropped in the centre as `preparation` says.

    By default the usual evaluation transform of ImageNet classifiers (256 to 224), in RGB. Raises OSError for a file
    that is not a picture.
    """
    from PIL import Image

    with Image.open(path) as picture:
        converted = picture.convert("L" if preparation.channels == "L" else "RGB")
    size = _resized(preparation, converted.size, height, width)
    resized = converted.resize(size, Image.Resampling[preparation.interpolation.upper()])
    left, top = (size[0] - width) // 2, (size[1] - height) // 2
    cropped = np.asarray(resized.crop((left, top, left + width, top + height)), np.uint8)
    channels = cropped.reshape(height, width, -1).transpose(2, 0, 1)
    return np.ascontiguousarray(channels[::-1] if preparation.channels == "BGR" else channels)


def _resized(preparation: Preparation, own: tuple[int, int], height: int, width: int) -> tuple[int, int]:
    """Width and height before the crop."""
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


def load_sound(path: Path, rate: int, samples: int, dtype: str) -> NDArray[np.generic]:
    """A sound file as (samples,) of float32 from -1 to 1, or int16; channels are averaged.

    Cut at its end, or filled with silence there. Raises ValueError for another rate and for a file without sound, and
    soundfile's own error, an OSError or RuntimeError, for one that is not a sound.
    """
    import soundfile

    wave, found = soundfile.read(path, frames=samples, dtype=dtype, always_2d=True)
    if found != rate:
        raise ValueError(f"it has {found} samples per second, and `sample_rate` is {rate}; convert it")
    if len(wave) == 0:
        raise ValueError("it holds no samples")
    mono = wave.mean(axis=1)
    result = np.zeros(samples, dtype)
    result[: len(mono)] = np.rint(mono) if dtype == "int16" else mono
    return result


CLASSIFY = Task(name="classify", metric="top1", answers=top_class)
COMMAND = Task(name="command", metric="accuracy", answers=top_class)
