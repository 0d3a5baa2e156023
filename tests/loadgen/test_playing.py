"""`bench.loadgen.playing`: which frame each query is fed with, against a slow version that plays camera by camera."""

from __future__ import annotations

from collections import Counter

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loadgen.arrivals import camera_frames
from bench.loadgen.playing import FrameSet, Playing, playing, steps
from bench.models.end_to_end import CAMERA, FRAME
from bench.records.job import Job
from bench.tasks.cameras import Cameras

from ..fixtures import EFFORT, MEASUREMENT

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=4).map(tuple)
SEEDS = st.integers(0, 2**62)


class Unwatched(Cameras):
    """Cameras that decode nothing, and remember where they were brought to."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, int]] = []

    def come_to(self, begins: object, threads: int) -> None:
        self.begun = list(begins)  # type: ignore[call-overload]


def slow_frames(played: Playing, cameras: list[int]) -> list[int]:
    """Each camera counts its own frames, from where it begins in its clip, and starts anew behind the last one."""
    at: dict[int, int] = {}
    frames = []
    for camera in cameras:
        clip = camera % len(played.lengths)
        if camera not in at:
            (begin,) = played.frames(np.array([camera]), np.array([0])).tolist()
            at[camera] = begin - sum(played.lengths[:clip])
        frames.append(sum(played.lengths[:clip]) + at[camera])
        at[camera] = (at[camera] + 1) % played.lengths[clip]
    return frames


@given(LENGTHS, SEEDS, st.lists(st.integers(0, 6), min_size=1, max_size=60))
def test_every_camera_plays_its_clip_on_and_on(lengths: tuple[int, ...], seed: int, asked: list[int]) -> None:
    played = Playing(lengths=lengths, cameras=len(lengths), seed=seed)
    frames = played.of(np.array(asked, np.int32)).tolist()
    assert frames == slow_frames(played, asked)
    for camera, frame in zip(asked, frames, strict=True):
        clip = camera % len(lengths)
        assert sum(lengths[:clip]) <= frame < sum(lengths[: clip + 1])


@given(st.lists(st.integers(0, 5), max_size=50))
def test_steps_count_the_queries_of_a_camera(cameras: list[int]) -> None:
    counts: Counter[int] = Counter()
    expected = []
    for camera in cameras:
        expected.append(counts[camera])
        counts[camera] += 1
    assert steps(np.array(cameras, np.int64)).tolist() == expected


@given(SEEDS, st.integers(1, 6), st.integers(1, 9))
def test_a_camera_sends_the_same_whatever_the_number_of_cameras(seed: int, few: int, more: int) -> None:
    played = Playing(lengths=(7, 5), cameras=2, seed=seed)
    sent = []
    for channels in (few, few + more):
        arrivals = camera_frames(channels, 12, 25.0, seed % 1000)
        assert arrivals.group is not None
        frames = played.of(arrivals.group)
        sent.append([frames[arrivals.group == camera].tolist() for camera in range(few)])
    assert sent[0] == sent[1]


def test_cameras_begin_at_different_places() -> None:
    played = Playing(lengths=(50,), cameras=1, seed=3)
    begins = played.frames(np.arange(200), np.zeros(200, np.int64))
    assert len(set(begins.tolist())) > 40
    assert len(set((begins % 25).tolist())) == 25, "their key frames would come together"


@given(LENGTHS, SEEDS, st.integers(0, 3), st.integers(1, 5))
def test_in_turns_every_frame_comes_and_neighbours_follow_each_other(
    lengths: tuple[int, ...], seed: int, more: int, batch: int
) -> None:
    played = Playing(lengths=lengths, cameras=len(lengths) + more, seed=seed)
    camera, frame = played.in_turns()
    assert len(camera) == played.samples == (len(lengths) + more) * max(lengths)
    assert set(frame.tolist()) == set(range(sum(lengths)))
    assert frame.tolist() == slow_frames(played, camera.tolist())
    loaded = FrameSet(Unwatched(), played, batch, threads=1)
    for row in range(2 * len(loaded.batches)):
        wanted = [(row * batch + place) % played.samples for place in range(batch)]
        assert loaded.row(row)[CAMERA].tolist() == camera[wanted].tolist()
        assert loaded.row(row)[FRAME].tolist() == frame[wanted].tolist()


@given(LENGTHS, SEEDS, st.lists(st.integers(0, 6), min_size=1, max_size=40), st.integers(1, 5))
def test_under_a_schedule_queries_are_views_in_issue_order(
    lengths: tuple[int, ...], seed: int, asked: list[int], batch: int
) -> None:
    played, group = Playing(lengths=lengths, cameras=len(lengths), seed=seed), np.array(asked, np.int32)
    cameras = Unwatched()
    loaded = FrameSet(cameras, played, batch, threads=1)
    watching = loaded.watching(group)
    frames = slow_frames(played, asked)
    assert watching.count == len(asked)
    bases = set()
    for first in range(len(asked)):
        count = min(batch, len(asked) - first)
        span = watching.span(first, count)
        assert span[CAMERA].tolist() == asked[first : first + count]
        assert span[FRAME].tolist() == frames[first : first + count]
        bases.add(id(span[FRAME].base))
        # Where answers to the same frame stand, which were given before.
        places = watching.positions(first, count)
        assert loaded.gathered(places.tolist())[FRAME].tolist() == frames[first : first + count]
    assert len(bases) == 1
    assert watching.row(0)[FRAME].tolist() == frames[:batch]
    assert cameras.begun == [(camera, frames[asked.index(camera)]) for camera in sorted(set(asked))]


def job(load_samples: int, seed: int = 1) -> Job:
    measurement = msgspec.structs.replace(MEASUREMENT, load_samples=load_samples)
    return Job(
        measurement=measurement, backend="fake", device="cpu", effort=EFFORT, seed=seed, quality=False, folder=""
    )


@pytest.mark.parametrize(("load_samples", "cameras"), [(36, 3), (37, 4), (1, 3), (120, 10)])
def test_a_job_plays_every_clip_and_as_much_as_it_loads(load_samples: int, cameras: int) -> None:
    played = playing(job(load_samples), [12, 12, 12])
    assert (played.cameras, played.lengths) == (cameras, (12, 12, 12))
    assert played == playing(job(load_samples), (12, 12, 12))
    assert played.seed != playing(job(load_samples, seed=2), (12, 12, 12)).seed
