"""Cameras that play clips: the picture of any frame of any camera, whoever asks for it, and in whatever order.

A frame needs all since its key frame, as at a real camera: those that nobody took are decoded when a later one is.
Memory: a decoder keeps its few reference pictures, and a camera at most `MOST_PASSED` pictures beside (3 MB each in
1080p); the clips themselves lie in memory once, coded.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.tasks.video import Clip, Decoder, letterboxed

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

MOST_PASSED = 4
_NOWHERE = -1


class Camera:
    """One camera and its decoder; several threads may ask at once, and one after the other is answered."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._lock = clip, threading.Lock()
        self._decoder = Decoder()
        self._next = _NOWHERE  # packet that the decoder can take, having seen all since its key frame
        # Pictures that were decoded on the way to a later one: another worker may still come for them.
        self._passed: dict[int, VideoFrame] = {}

    def picture(self, frame: int) -> VideoFrame:
        """Frame number `frame` of the clip. Raises ValueError where a packet is damaged."""
        with self._lock:
            kept = self._passed.pop(frame, None)
            return self._decoded(frame) if kept is None else kept

    def come_to(self, frame: int) -> None:
        """Decode what comes before `frame`, so that it is the next one; nothing where it is a key frame."""
        with self._lock:
            if frame not in self._clip.keys and self._next != frame:
                self._decoded(frame - 1)

    def _decoded(self, frame: int) -> VideoFrame:
        key = self._clip.keys[bisect_right(self._clip.keys, frame) - 1]
        going_on = key <= self._next <= frame
        if not going_on:
            self._decoder.restart()
            self._passed.clear()
            self._next = key
        first, self._next = self._next, _NOWHERE  # where a packet is damaged the next picture starts at its key frame
        for number in range(first, frame):
            passed = self._decoder.picture(self._clip.packets[number])
            if going_on and number >= frame - MOST_PASSED:
                self._passed[number] = passed
        picture = self._decoder.picture(self._clip.packets[frame])
        for number in list(self._passed)[:-MOST_PASSED]:
            del self._passed[number]
        self._next = frame + 1
        return picture


class Cameras:
    """Any number of cameras on a few clips; frames of all clips are numbered through."""

    def __init__(self, clips: Sequence[Clip]) -> None:
        self.clips = tuple(clips)
        self.lengths = tuple(len(clip.packets) for clip in clips)
        self._ends = np.cumsum(self.lengths)
        self._lock = threading.Lock()
        self._cameras: dict[tuple[int, int], Camera] = {}

    def prepare(self, camera: int, number: int, pixels: NDArray[np.generic]) -> None:
        """Fill `pixels` (3, height, width) with frame `number` as `camera` sends it. Raises ValueError if damaged."""
        clip, frame = self._place(number)
        letterboxed(self._camera(camera, clip).picture(frame), pixels)

    def come_to(self, begins: Iterable[tuple[int, int]], threads: int) -> None:
        """Bring each camera of the pairs to where the frame of that number is its next; `threads` at a time."""

        def one(asked: tuple[int, int]) -> None:
            camera, number = asked
            clip, frame = self._place(number)
            self._camera(camera, clip).come_to(frame)

        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(one, begins):
                pass

    def _place(self, number: int) -> tuple[int, int]:
        clip = int(self._ends.searchsorted(number, side="right"))
        return clip, number - int(self._ends[clip] - self.lengths[clip])

    def _camera(self, camera: int, clip: int) -> Camera:
        with self._lock:
            if (camera, clip) not in self._cameras:
                self._cameras[camera, clip] = Camera(self.clips[clip])
            return self._cameras[camera, clip]
