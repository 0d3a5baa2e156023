"""Which frame of which camera a query is fed with: a function of the job and of whose query it is.

The child feeds by it, and the parent keeps by it which sample each query had. A camera plays one clip again and again
from a place of its own, so that key frames of different cameras do not come at one time; what is fed is a view of one
array in issue order here as elsewhere, of numbers instead of pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.loadgen.samples import LoadedSet
from bench.models.end_to_end import CAMERA, FRAME
from bench.records.hashing import derive_seed
from bench.records.job import Job
from bench.tasks.cameras import Cameras

Numbers = NDArray[np.int64]


class Playing(msgspec.Struct, frozen=True, kw_only=True):
    """`cameras` cameras in turns, where queries belong to nobody, and any number of them where they do.

    `lengths` are the frames of each clip; frames of all clips are numbered through.
    """

    lengths: tuple[int, ...]
    cameras: int
    seed: int

    @property
    def samples(self) -> int:
        """How many queries there are until the longest clip was played once by every camera."""
        return self.cameras * max(self.lengths)

    def frames(self, camera: Numbers, step: Numbers) -> Numbers:
        """Number of the frame that a camera sends as its `step`-th, (n,) each.

        What a camera plays depends on its own number, and not on how many there are.
        """
        lengths = np.array(self.lengths, np.int64)
        clip = camera % len(lengths)
        first = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        begin = self._begins(int(camera.max()) + 1)[camera]
        numbers: Numbers = first[clip] + (begin + step) % lengths[clip]
        return numbers

    def in_turns(self) -> tuple[Numbers, Numbers]:
        """Cameras and frames of queries that belong to nobody, (samples,) each."""
        place = np.arange(self.samples, dtype=np.int64)
        camera = place % self.cameras
        return camera, self.frames(camera, place // self.cameras)

    def of(self, cameras: NDArray[np.int32]) -> Numbers:
        """The frames of queries that come from `cameras`, each camera's in order, (n,)."""
        camera = cameras.astype(np.int64)
        return self.frames(camera, steps(camera))

    def _begins(self, cameras: int) -> Numbers:
        """Where each camera is in its clip when it begins; raw words, which numpy promises across versions."""
        words = np.random.PCG64(np.random.SeedSequence(self.seed)).random_raw(cameras)
        return (np.atleast_1d(words) >> np.uint64(33)).astype(np.int64)


def playing(job: Job, lengths: Sequence[int]) -> Playing:
    """How the clips, of so many frames each, are played in `job`."""
    cameras = -(-job.measurement.load_samples // max(lengths))
    # Every clip is played by somebody.
    return Playing(lengths=tuple(lengths), cameras=max(cameras, len(lengths)), seed=derive_seed(job.seed, "playing"))


def steps(camera: Numbers) -> Numbers:
    """How many of the queries before each one come from its camera, (n,)."""
    order = np.argsort(camera, kind="stable")
    counts = np.bincount(camera)
    step = np.empty(len(camera), np.int64)
    step[order] = np.arange(len(camera)) - np.repeat(np.cumsum(counts) - counts, counts)
    return step


class FrameSet(LoadedSet):
    """Frames of `cameras` in turns; `threads` bring them to where a load begins, before its clock starts."""

    def __init__(self, cameras: Cameras, playing: Playing, batch: int, threads: int) -> None:
        camera, frame = playing.in_turns()
        super().__init__({CAMERA: camera, FRAME: frame}, batch, seed=None)
        self._cameras, self._playing, self._threads = cameras, playing, threads
        # Where each frame stands among the answers to this set; twice where several cameras play it.
        self._places = np.empty(sum(playing.lengths), np.int64)
        self._places[frame] = np.arange(len(frame))

    def watching(self, cameras: NDArray[np.int32]) -> LoadedSet:
        """The frames of `cameras` in the order of their queries; decoders have seen what comes before the first."""
        frame = self._playing.of(cameras)
        who, first = np.unique(cameras, return_index=True)
        self._cameras.come_to(zip(who.tolist(), frame[first].tolist(), strict=True), self._threads)
        return _Watched(cameras, frame, self._places[frame], self.batch)


class _Watched(LoadedSet):
    """As many samples as a schedule has queries; they are not laid out to come round again."""

    def __init__(self, cameras: NDArray[np.int32], frame: Numbers, places: Numbers, batch: int) -> None:
        self.count, self.batch, self.layout = len(frame), batch, None
        self.order = self._places = places
        self._arrays = {CAMERA: cameras.astype(np.int64), FRAME: frame}

    def row(self, row: int) -> dict[str, NDArray[np.generic]]:
        return self.span(row * self.batch, self.batch)

    def positions(self, first: int, count: int) -> Numbers:
        return self._places[first : first + count]
