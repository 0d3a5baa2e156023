"""A workload of cameras on the user's own films: they are what is decoded, and nothing is known of what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model
from bench.models.base import NamedArrays, VideoSpec, Workload
from bench.models.over_files import HeldAgainstAnother, agreement_over
from bench.models.user_files import BadModel
from bench.tasks.pipelines import KeyFrames, Pipeline
from bench.tasks.video import MISSING, Clip, has_decoder, read_clip

SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".avi", ".ts", ".flv", ".h264", ".264"})
# What lies in memory, coded; a minute of 4 Mbit/s is 30 MB.
_MOST_BYTES = 2 << 30
_FRAMES_PER_S = 25


def films_in(folder: Path) -> list[Path]:
    """The films in a folder and in those in it, sorted."""
    found = sorted(folder.rglob("*")) if folder.is_dir() else []
    return [file for file in found if file.suffix.lower() in SUFFIXES and file.is_file()]


class UserFilms(HeldAgainstAnother):
    """`plain` with the films of `files`; their key frames are its evaluation set, held against a reference engine."""

    def __init__(self, plain: Workload, files: Sequence[Path]) -> None:
        """Raises BadModel for a film that cannot be used, and without PyAV."""
        if not has_decoder():
            raise BadModel(MISSING)
        self._plain = plain
        self.clips = _read(files)
        self._keys = [clip.packets[key] for clip in self.clips for key in clip.keys]
        first, spec = self.clips[0], plain.spec
        video = VideoSpec(
            clips=len(self.clips),
            frames=max(len(clip.packets) for clip in self.clips),
            height=first.height,
            width=first.width,
            frames_per_s=spec.video.frames_per_s if spec.video is not None else _FRAMES_PER_S,
            key_every=max(1, len(first.packets) // len(first.keys)),
            bits_per_s=0,
        )
        self.spec = msgspec.structs.replace(spec, quality=agreement_over(len(self._keys)), video=video)
        self._coder = KeyFrames(first.height)

    @property
    def pipeline(self) -> Pipeline:
        """How a key frame becomes an input."""
        return self._coder

    def model(self, precision: str = "fp32") -> Model:
        return self._plain.model(precision)

    def load_inputs(self, count: int, seed: int) -> NamedArrays:
        return self._plain.load_inputs(count, seed)

    def load_files(self, count: int, seed: int) -> list[bytes]:
        """Key frames in a random order; what is timed are the films."""
        chosen = np.random.default_rng(seed).permutation(len(self._keys))
        return [self._keys[place] for place in chosen[np.arange(count) % len(chosen)]]

    def evaluation_files(self, indices: NDArray[np.int64]) -> list[bytes]:
        return [self._keys[index] for index in indices]

    def evaluation_inputs(self, indices: NDArray[np.int64]) -> NamedArrays:
        (tensor,) = self.spec.inputs
        pictures = np.empty((len(indices), *tensor.shape), tensor.dtype)
        for place, file in zip(pictures, self.evaluation_files(indices), strict=True):
            try:
                self._coder.prepare(file, {tensor.name: place})
            except ValueError as error:
                raise BadModel(f"A key frame of the films cannot be decoded: {error}.") from None
        return {tensor.name: pictures}

    def evaluation_raw(self, indices: NDArray[np.int64]) -> NamedArrays:
        return self.evaluation_inputs(indices)

    def prepared(self, raw: NamedArrays) -> NamedArrays:
        return raw

    def evaluation_labels(self, indices: NDArray[np.int64]) -> NDArray[np.generic] | None:
        return None


def _read(files: Sequence[Path]) -> tuple[Clip, ...]:
    total = sum(file.stat().st_size for file in files)
    if total > _MOST_BYTES:
        raise BadModel(
            f"The films have {total / 2**30:.1f} GiB, which would all lie in memory; at most {_MOST_BYTES >> 30} GiB "
            "are taken: name a folder with fewer or shorter ones."
        )
    clips = []
    for file in files:
        try:
            clips.append(read_clip(file))
        except (OSError, ValueError) as error:
            raise BadModel(
                f"{file}: the film cannot be used: {error}. What `ffmpeg -i FILM -an -c:v libx264 -bf 0 -g 25 NEW.mp4` "
                "makes can."
            ) from None
    return tuple(clips)
