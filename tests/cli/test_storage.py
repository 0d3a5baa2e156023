"""Disks that are full: one line, exit code 11, earlier runs whole, and `--resume` once there is room again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .kept import check_every_file, kept_bytes, records_of, run_of, whole_trials
from .things import HURRIED, NAME, Outcome, Running, complaint, contents, finish, only_run, run, surroundings

FLAGS = ("--backend", "fake", "--scenario", "single_stream", "--scenario", "offline", "--format", "json")
# Files may not grow beyond so many bytes: for a program that is a full disk, and it needs no rights to set up.
LIMITED = "import os, resource, sys; n = int(sys.argv[1]); resource.setrlimit(resource.RLIMIT_FSIZE, (n, n)); "
LIMITED += "os.execv(sys.executable, [sys.executable, '-P', *sys.argv[2:]])"


def run_limited(folder: Path, most_bytes: int, *arguments: object) -> Outcome:
    command = [sys.executable, "-c", LIMITED, str(most_bytes), str(HURRIED), *map(str, arguments)]
    return finish(Running(command, folder, surroundings(folder)))


@pytest.mark.parametrize("most_bytes", [pytest.param(6_000, marks=pytest.mark.full), 20_000])
def test_no_room_for_what_is_measured(model: Path, tmp_path: Path, most_bytes: int) -> None:
    """The columns of the timeline are reserved before the timed part, in the child."""
    assert run(tmp_path, "run", "--model", model, *FLAGS).code == 0
    before = contents(tmp_path / "results")
    outcome = run_limited(tmp_path, most_bytes, "run", "--model", model, *FLAGS)
    assert outcome.code == 11
    assert "File too large." in complaint(outcome)
    after = contents(tmp_path / "results")
    assert {name: after[name] for name in before} == before
    check_every_file(tmp_path / "results")


def test_no_room_at_all_is_found_before_the_run_starts(model: Path, tmp_path: Path) -> None:
    outcome = run_limited(tmp_path, 1_000, "run", "--model", model, *FLAGS)
    assert outcome.code == 2
    assert "cannot be written to: File too large" in complaint(outcome)
    assert list((tmp_path / "results").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(disk)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)  # also while something still has it open


def fill(disk: Path, room: int) -> Path:
    """Leave `room` bytes on the disk."""
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - room))
    return filler


# Mounting is not every machine's to allow; the limits above stand for a full disk in the fast tier.
@pytest.mark.full
@pytest.mark.parametrize("room", [0, 12 << 10, 40 << 10, 120 << 10, 300 << 10])
def test_a_disk_that_fills_up(model: Path, tmp_path: Path, small_disk: Path, room: int) -> None:
    results = small_disk / "results"
    flags = ["--model", model, *FLAGS, "--output", results]
    assert run(tmp_path, "run", *flags).code == 0
    first, before = only_run(results), contents(results)
    filler = fill(small_disk, room)
    outcome = run(tmp_path, "run", *flags)
    after = contents(results)
    assert {name: after[name] for name in before} == before
    check_every_file(results)
    if outcome.code == 0:
        assert room > 100 << 10, "so much was enough"
        return
    assert outcome.code in (2, 11)
    assert "No space left on device" in complaint(outcome)
    filler.unlink()
    begun = [file.parent for file in results.glob("runs/*/run.json") if file.parent != first]
    if not begun:
        return
    (partial,), kept = begun, whole_trials(results)
    assert f"`bench run --resume {partial}` goes on." in outcome.err
    assert run(tmp_path, "run", "--resume", partial, "--format", "json").code == 0
    assert kept_bytes(kept) == kept
    assert run_of(partial).status == "complete"
    assert all(record.valid for record in records_of(partial))


@pytest.mark.full
def test_no_room_for_the_report(model: Path, tmp_path: Path, small_disk: Path) -> None:
    """What was measured is kept, though the page about it is not."""
    results = small_disk / "results"
    flags = ["--model", model, "--backend", "fake", "--scenario", "offline", "--output", results]
    assert run(tmp_path, "run", *flags, "--format", "json").code == 0
    folder = only_run(results)
    filler = fill(small_disk, 4096)
    outcome = run(tmp_path, "report", folder, "--output", results)
    assert outcome.code in (2, 11)
    assert "No space left on device" in complaint(outcome)
    check_every_file(results)
    filler.unlink()
    assert run(tmp_path, "report", folder).code == 0
    assert (folder / NAME.format("offline") / "record.json").exists()
