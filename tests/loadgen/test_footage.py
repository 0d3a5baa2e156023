"""`bench.loadgen.footage`: clips are made once, whole or not at all, by however many at one time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.loadgen.footage import clips_of, ensure_footage, said
from bench.models.base import VideoSpec
from bench.models.end_to_end import EndToEnd
from bench.models.suite import SuiteWorkload, load_workload
from bench.records.job import Footage
from bench.store.places import CannotWrite

from .. import watched

pytest.importorskip("av")
VIDEO = VideoSpec(
    clips=watched.CLIPS,
    frames=watched.FRAMES,
    height=watched.HEIGHT,
    width=watched.WIDTH,
    frames_per_s=25,
    key_every=watched.KEY_EVERY,
    bits_per_s=300_000,
)


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return watched.write_workloads(tmp_path_factory.mktemp("packages"))


@pytest.fixture
def workload(packages: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SuiteWorkload]:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    with watched.known(packages):
        found = load_workload(watched.WATCHER)
        assert isinstance(found, SuiteWorkload)
        yield found


class Announced(list[float]):
    """What was announced."""

    def __call__(self, expected_s: float) -> None:
        self.append(expected_s)


def kept(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "cache").rglob("*") if path.is_file())


def test_clips_are_made_once(workload: SuiteWorkload, tmp_path: Path) -> None:
    first, again = Announced(), Announced()
    clips = clips_of(workload, first)
    assert len(first) == watched.CLIPS
    assert all(expected_s > 0 for expected_s in first)
    files = kept(tmp_path)
    before = [path.read_bytes() for path in files]
    assert clips_of(workload, again) == clips
    assert not again
    assert [path.read_bytes() for path in files] == before
    assert all(path.suffix == ".h264" for path in files)
    assert len({clip.packets for clip in clips}) == watched.CLIPS


def test_the_record_says_what_was_played(workload: SuiteWorkload) -> None:
    clips = clips_of(workload, Announced())
    found = said(clips, VIDEO)
    assert (found.clips, found.frames) == (watched.CLIPS, watched.CLIPS * watched.FRAMES)
    assert (found.width, found.height, found.decoder_threads) == (watched.WIDTH, watched.HEIGHT, 1)
    whole = sum(len(packet) for clip in clips for packet in clip.packets)
    assert found.bits_per_s == pytest.approx(8 * whole / (found.frames / 25), abs=1)
    assert isinstance(found, Footage)
    assert said(clips[::-1], VIDEO).sha256 != found.sha256


@pytest.mark.parametrize("content", [b"", b"no film", None])
def test_a_clip_that_is_not_whole_is_made_again(workload: SuiteWorkload, tmp_path: Path, content: bytes | None) -> None:
    clips = clips_of(workload, Announced())
    file, announced = kept(tmp_path)[1], Announced()
    file.write_bytes(file.read_bytes()[:-2000] if content is None else content)
    assert clips_of(workload, announced) == clips
    assert len(announced) == 1


def test_another_form_of_the_films_is_another_place(workload: SuiteWorkload, tmp_path: Path) -> None:
    import msgspec

    clips_of(workload, Announced())
    other = msgspec.structs.replace(VIDEO, key_every=4)
    workload.spec = msgspec.structs.replace(workload.spec, video=other)
    assert clips_of(workload, Announced())[0].keys == (0, 4, 8)
    assert len({path.parent for path in kept(tmp_path)}) == 2


def test_films_that_are_not_as_declared_are_told(workload: SuiteWorkload, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(number: int) -> Iterator[NDArray[np.uint8]]:
        yield np.zeros((watched.HEIGHT, watched.WIDTH, 3), np.uint8)

    monkeypatch.setattr(workload, "film", short)
    with pytest.raises(ValueError, match=r"clip-00\.h264: not the film that was to be made"):
        clips_of(workload, Announced())


def test_a_cache_that_cannot_be_written_to_is_told_before(workload: SuiteWorkload, tmp_path: Path) -> None:
    ensure_footage([workload])  # nothing is decoded
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(CannotWrite, match="BENCH_CACHE"):
        ensure_footage([EndToEnd(workload)])


_MAKES = """
import sys
from bench.loadgen.footage import clips_of
from bench.models.suite import load_workload
workload = load_workload("tiny_cameras")
slow = workload.film
def film(number):
    for picture in slow(number):
        if sys.argv[1] == "stop" and number == 1:
            print("half", flush=True)
            sys.stdin.read()
        yield picture
workload.film = film
clips = clips_of(workload, lambda expected_s: None)
print(hash(clips[0].packets[0]) is not None, len(clips))
"""


def maker(packages: Path, how: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(packages), *sys.path])}
    return subprocess.Popen(
        [sys.executable, "-c", _MAKES, how], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def test_two_who_make_them_at_one_time_get_the_same(workload: SuiteWorkload, packages: Path, tmp_path: Path) -> None:
    both = [maker(packages, "go") for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in both] == [f"True {watched.CLIPS}\n"] * 2
    announced = Announced()
    clips_of(workload, announced)
    assert not announced
    assert len(kept(tmp_path)) == watched.CLIPS, "nothing else is left"


def test_who_is_killed_in_the_middle_leaves_no_half_clip(
    workload: SuiteWorkload, packages: Path, tmp_path: Path
) -> None:
    process = maker(packages, "stop")
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    whole = [path for path in kept(tmp_path) if path.suffix == ".h264"]
    assert len(whole) == 1
    announced, begun = Announced(), time.time()
    clips = clips_of(workload, announced)
    assert len(announced) == watched.CLIPS - 1
    assert len(clips) == watched.CLIPS
    assert whole[0].stat().st_mtime <= begun
