"""`bench.tasks.cameras`: the same pixels whatever was asked before, and by whom; and no more decoded than must be."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.tasks import cameras as watched
from bench.tasks.cameras import MOST_PASSED, Camera, Cameras
from bench.tasks.video import Clip, Decoder

from ..filming import FRAMES, KEY_EVERY, clip, straight

pytest.importorskip("av")
CLIPS = 3


@cache
def clips() -> tuple[Clip, ...]:
    return tuple(clip(seed, FRAMES - seed) for seed in range(CLIPS))


@cache
def expected() -> NDArray[np.uint8]:
    """All frames of all clips, numbered through."""
    return np.concatenate([straight(one) for one in clips()])


TOTAL = sum(FRAMES - seed for seed in range(CLIPS))
ASKED = st.tuples(st.integers(0, 2), st.integers(0, TOTAL - 1))


def seen(cameras: Cameras, camera: int, number: int) -> NDArray[np.uint8]:
    pixels = np.zeros((3, 24, 24), np.uint8)
    cameras.prepare(camera, number, pixels)
    return pixels


@settings(max_examples=25, deadline=None)
@given(st.lists(ASKED, min_size=1, max_size=25))
def test_pixels_do_not_depend_on_what_was_asked_before(asked: list[tuple[int, int]]) -> None:
    cameras = Cameras(clips())
    for camera, number in asked:
        assert (seen(cameras, camera, number) == expected()[number]).all()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3), min_size=1, max_size=30))
def test_frames_that_are_skipped_and_come_late_are_the_same(skips: list[int]) -> None:
    """A camera on its way, round and round, whose frames are dropped or come in pairs out of order."""
    cameras, place = Cameras(clips()), 0
    for skip in skips:
        place += 1 + skip
        for number in ((place + 1) % FRAMES, place % FRAMES):
            assert (seen(cameras, 0, number) == expected()[number]).all()


def test_threads_that_ask_at_once_get_what_they_asked_for() -> None:
    cameras = Cameras(clips())
    asked = [(camera, number) for number in range(TOTAL) for camera in range(3)]
    np.random.default_rng(0).shuffle(asked)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda one: seen(cameras, *one), asked))
    assert all((pixels == expected()[number]).all() for pixels, (_, number) in zip(got, asked, strict=True))


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> Counter[bytes]:
    """How often each packet was decoded."""
    counts: Counter[bytes] = Counter()

    class Counting(Decoder):
        def picture(self, packet: bytes) -> object:
            counts[packet] += 1
            return super().picture(packet)

    monkeypatch.setattr(watched, "Decoder", Counting)
    return counts


def test_a_camera_on_its_way_decodes_each_frame_once(decoded: Counter[bytes]) -> None:
    camera = Camera(clips()[0])
    for _ in range(3):
        for frame in range(FRAMES):
            camera.picture(frame)
    assert decoded == Counter(dict.fromkeys(clips()[0].packets, 3))


def test_what_was_dropped_is_decoded_for_those_that_need_it(decoded: Counter[bytes]) -> None:
    camera, packets = Camera(clips()[0]), clips()[0].packets
    camera.picture(0)
    camera.picture(4)
    assert decoded == Counter(dict.fromkeys(packets[:5], 1))
    camera.picture(KEY_EVERY + 1)  # the rest before the next key frame is needed by nobody
    assert decoded == Counter({packets[place]: 1 for place in (0, 1, 2, 3, 4, KEY_EVERY, KEY_EVERY + 1)})


def test_neighbours_in_the_wrong_order_are_decoded_once(decoded: Counter[bytes]) -> None:
    camera = Camera(clips()[0])
    for frame in (0, 2, 1, 4, 3, 5):
        camera.picture(frame)
    assert decoded == Counter(dict.fromkeys(clips()[0].packets[:6], 1))


def test_a_frame_that_is_asked_for_again_is_work_again(decoded: Counter[bytes]) -> None:
    camera = Camera(clips()[0])
    camera.picture(2)
    camera.picture(2)
    assert decoded[clips()[0].packets[2]] == 2


def test_a_camera_keeps_few_pictures() -> None:
    """Whatever is asked for: the rest is in the decoder, which the stream itself bounds."""
    camera, rng = Camera(clips()[0]), np.random.default_rng(1)
    camera.picture(0)
    most = 0
    for frame in [4, 9, 11, 15, *rng.integers(0, FRAMES, 60).tolist()]:
        camera.picture(frame)
        most = max(most, len(camera._passed))
    assert 1 < most <= MOST_PASSED


def test_cameras_come_to_where_they_begin_before_the_clock(decoded: Counter[bytes]) -> None:
    cameras, begins = Cameras(clips()), [(0, 4), (1, KEY_EVERY), (2, FRAMES + 1), (5, 0)]
    cameras.come_to(begins, threads=2)
    before = decoded.total()
    assert before == 4 + 0 + 1 + 0
    cameras.come_to(begins, threads=2)
    assert decoded.total() == before, "a camera that is there already has nothing to do"
    for camera, number in begins:
        assert (seen(cameras, camera, number) == expected()[number]).all()
    assert decoded.total() - before == len(begins)


def test_a_damaged_packet_costs_the_frames_that_need_it() -> None:
    packets = list(clips()[0].packets)
    packets[2] = bytes(len(packets[2]))
    cameras = Cameras([msgspec.structs.replace(clips()[0], packets=tuple(packets))])
    for number in range(FRAMES):
        if 2 <= number < KEY_EVERY:
            with pytest.raises(ValueError, match="damaged packet"):
                seen(cameras, 0, number)
        else:
            assert (seen(cameras, 0, number) == expected()[number]).all()
