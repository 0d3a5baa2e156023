"""The user's own files as inputs of a model with one input: pictures or sounds, prepared as the user says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, AnyStr, Protocol

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.records.preparation import Preparation, both
from bench.tasks.pictures import as_input, as_jpeg, load_picture, whole_picture
from bench.tasks.pipelines import Photographs, Pipeline, Sounds
from bench.tasks.sounds import as_flac, load_sound, whole_sound

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
SOUND_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".aif", ".aiff"})
# Paths and sentences may be long; a line of gigabytes is neither.
_LONGEST_LINE = 1 << 16
_MOST_LINES = 1_000_000


class BadModel(ValueError):
    """A model or data that cannot be used; one line with what was seen and what is expected."""


class UserFiles(Protocol):
    """Files for the one input of a model. Whatever reads them raises BadModel for one that is broken."""

    pipeline: Pipeline

    def raw(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        """The samples at `indices`, (len(indices), …), as camera or microphone gave them, cut to what goes in."""

    def prepared(self, raw: NDArray[np.generic]) -> NDArray[np.generic]:
        """What goes in for raw samples."""

    def disturbed(self, indices: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.generic]:
        """Raw samples like those at `indices`, and none of them: under noise, and shifted."""

    def files(self, indices: NDArray[np.int64]) -> list[bytes]:
        """The files at `indices`."""

    def disturbed_files(self, indices: NDArray[np.int64], rng: np.random.Generator) -> list[bytes]:
        """Files like those at `indices`, of their own size or length, under noise, and shifted."""


def open_files(files: Sequence[Path], inputs: Sequence[Tensor], preparation: Preparation) -> UserFiles:
    """`files` as inputs of the model with these tensors. Raises BadModel where it takes no such files."""
    (tensor,) = one_input(inputs, preparation)
    return (_Sounds if preparation.sample_rate is not None else _Pictures)(files, tensor, preparation)


def one_input(inputs: Sequence[Tensor], preparation: Preparation) -> Sequence[Tensor]:
    """The inputs, where there is one. Raises BadModel."""
    if len(inputs) != 1:
        kind = "picture" if preparation.sample_rate is None else "sound"
        shapes = {tensor.name: tensor.shape for tensor in inputs}
        raise BadModel(f"`--data` needs a model with one {kind} input; this one has {shapes}.")
    return inputs


def suffixes(preparation: Preparation) -> frozenset[str]:
    """Ends of the names of files that are taken."""
    return PICTURE_SUFFIXES if preparation.sample_rate is None else SOUND_SUFFIXES


class _Pictures:
    def __init__(self, files: Sequence[Path], tensor: Tensor, preparation: Preparation) -> None:
        self._files, self._tensor, self._preparation = files, tensor, preparation
        self._height, self._width = _picture_size(tensor, preparation)
        self.pipeline: Pipeline = Photographs(preparation)

    def raw(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        return np.stack([self._picture(self._files[index]) for index in indices])

    def prepared(self, raw: NDArray[np.generic]) -> NDArray[np.generic]:
        return as_input(raw.astype(np.uint8, copy=False), self._tensor.dtype, self._preparation)

    def disturbed(self, indices: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.generic]:
        return np.stack([_moved(self._picture(self._files[index]), rng) for index in indices])

    def files(self, indices: NDArray[np.int64]) -> list[bytes]:
        self.raw(indices)  # a broken one is told while no clock runs
        return [self._files[index].read_bytes() for index in indices]

    def disturbed_files(self, indices: NDArray[np.int64], rng: np.random.Generator) -> list[bytes]:
        return [as_jpeg(_moved(_whole(self._files[index]), rng)) for index in indices]

    def _picture(self, file: Path) -> NDArray[np.uint8]:
        return _read_picture(file, lambda: load_picture(file, self._height, self._width, self._preparation))


def _whole(file: Path) -> NDArray[np.uint8]:
    return _read_picture(file, lambda: whole_picture(file))


def _read_picture(file: Path, reader: Callable[[], NDArray[np.uint8]]) -> NDArray[np.uint8]:
    try:
        return reader()
    except Exception as error:  # noqa: BLE001 - Pillow's readers raise errors of many kinds for one cause: a bad file
        raise BadModel(f"{file}: the picture cannot be read: {first_line(error)}. Mend or remove it.") from None


def _moved(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """(channels, height, width) moved sideways and with a little noise: another picture of the same."""
    moved = np.roll(picture, int(rng.integers(1, 24)), axis=2)
    noisy = moved.astype(np.int16) + rng.integers(-8, 9, moved.shape, dtype=np.int16)
    disturbed: NDArray[np.uint8] = np.clip(noisy, 0, 255).astype(np.uint8)
    return disturbed


def _picture_size(tensor: Tensor, preparation: Preparation) -> tuple[int, int]:
    """Height and width that the model takes. Raises BadModel where it takes no such pictures."""
    last = preparation.layout == "NHWC"
    expected = f"(height, width, {preparation.count})" if last else f"({preparation.count}, height, width)"
    if len(tensor.shape) != 3 or tensor.shape[2 if last else 0] != preparation.count:
        raise BadModel(
            f"`--data` needs a model with one picture input {expected}; this one has "
            f"{{{tensor.name!r}: {tensor.shape}}}. `--preprocess` says layout and channels."
        )
    if tensor.dtype not in ("uint8", "float32"):
        raise BadModel(f"`--data` needs a uint8 or float32 picture input; this one is {tensor.dtype}.")
    if tensor.dtype == "uint8" and preparation.normalises:
        raise BadModel("The model takes pixels as uint8, which no scale, mean or std goes with; leave them out.")
    height, width = tensor.shape[:2] if last else tensor.shape[1:]
    if preparation.crop is not None and both(preparation.crop) != (height, width):
        raise BadModel(f"`crop` is {preparation.crop}, and the model takes {height} × {width}.")
    sides = both(preparation.resize) if preparation.resize is not None else (height, width)
    if sides[0] < height or sides[1] < width:
        raise BadModel(f"`resize` is {preparation.resize}, which is smaller than the {height} × {width} to be cropped.")
    return height, width


class _Sounds:
    def __init__(self, files: Sequence[Path], tensor: Tensor, preparation: Preparation) -> None:
        if len(tensor.shape) != 1 or tensor.dtype not in ("int16", "float32"):
            raise BadModel(
                "With `sample_rate`, `--data` needs a model with one input (samples,) of int16 or float32; this one "
                f"has {{{tensor.name!r}: {tensor.dtype} {tensor.shape}}}."
            )
        assert preparation.sample_rate is not None
        self._files, self._tensor, self._rate = files, tensor, preparation.sample_rate
        self.pipeline: Pipeline = Sounds(self._rate)

    def raw(self, indices: NDArray[np.int64]) -> NDArray[np.generic]:
        return np.stack([self._sound(self._files[index]) for index in indices])

    def prepared(self, raw: NDArray[np.generic]) -> NDArray[np.generic]:
        return raw

    def disturbed(self, indices: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.generic]:
        whole = 32767.0 if self._tensor.dtype == "int16" else 1.0
        noisy = np.stack([_echoed(wave.astype(np.float64) / whole, rng) for wave in self.raw(indices)]) * whole
        return (np.rint(noisy) if self._tensor.dtype == "int16" else noisy).astype(self._tensor.dtype)

    def files(self, indices: NDArray[np.int64]) -> list[bytes]:
        self.raw(indices)  # a broken one is told while no clock runs
        return [self._files[index].read_bytes() for index in indices]

    def disturbed_files(self, indices: NDArray[np.int64], rng: np.random.Generator) -> list[bytes]:
        self.raw(indices)
        sounds = (whole_sound(self._files[index]) for index in indices)
        return [as_flac(_echoed(wave.astype(np.float64), rng).astype(np.float32), rate) for wave, rate in sounds]

    def _sound(self, file: Path) -> NDArray[np.generic]:
        try:
            return load_sound(file, self._rate, self._tensor.shape[0], self._tensor.dtype)
        except Exception as error:  # noqa: BLE001 - soundfile's errors share no base with ours, and mean one thing
            raise BadModel(f"{file}: the sound cannot be used: {first_line(error)}. Mend or remove it.") from None


def _echoed(wave: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """(samples,) from -1 to 1, moved in time and with a little noise: another recording of the same."""
    moved = np.roll(wave, int(rng.integers(1, max(2, len(wave) // 8))))
    return np.clip(moved + rng.normal(0.0, 1e-3, moved.shape), -1.0, 1.0)


def bounded_lines(file: Path, opened: IO[AnyStr], unit: str) -> Iterator[AnyStr]:
    """Lines of an opened list, of which none is read to its end that is no line; `unit` is what its length counts.

    Raises BadModel with the line.
    """
    for number in range(1, _MOST_LINES + 2):
        line = opened.readline(_LONGEST_LINE)
        if not line:
            return
        if len(line) == _LONGEST_LINE or number > _MOST_LINES:
            limit = f"{_MOST_LINES} lines" if number > _MOST_LINES else f"{_LONGEST_LINE} {unit} in a line"
            raise BadModel(f"{file}, line {number}: more than {limit}.")
        yield line


def first_line(error: Exception) -> str:
    """What an error says, as one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
