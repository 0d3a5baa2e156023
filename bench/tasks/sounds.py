"""Sound files: reading and writing them; the same for every backend."""

from __future__ import annotations

import io
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray


def load_sound(file: Path | BinaryIO, rate: int, samples: int, dtype: str) -> NDArray[np.generic]:
    """A sound file as (samples,) of float32 from -1 to 1, or int16; channels are averaged.

    Cut at its end, or filled with silence there. Raises ValueError for another rate and for a file without sound, and
    soundfile's own error, an OSError or RuntimeError, for one that is not a sound.
    """
    import soundfile

    wave, found = soundfile.read(file, frames=samples, dtype=dtype, always_2d=True)
    if found != rate:
        raise ValueError(f"it has {found} samples per second, and `sample_rate` is {rate}; convert it")
    if len(wave) == 0:
        raise ValueError("it holds no samples")
    mono = wave.mean(axis=1)
    result = np.zeros(samples, dtype)
    result[: len(mono)] = np.rint(mono) if dtype == "int16" else mono
    return result


def whole_sound(file: Path | BinaryIO) -> tuple[NDArray[np.float32], int]:
    """A sound file as (samples,) from -1 to 1, channels averaged, and its rate per second. Raises as `load_sound`."""
    import soundfile

    wave, rate = soundfile.read(file, dtype="float32", always_2d=True)
    return wave.mean(axis=1), int(rate)


def as_flac(wave: NDArray[np.generic], rate: int) -> bytes:
    """The FLAC file, 16 bits, one channel, of (samples,) int16 or float32 from -1 to 1."""
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, wave, rate, format="FLAC", subtype="PCM_16")
    return file.getvalue()
