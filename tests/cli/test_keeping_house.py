"""`bench cache`, `bench prune`, `bench doctor`: only what is ours and was meant goes, and looking changes nothing."""

from __future__ import annotations

import datetime
import json
import shutil
from pathlib import Path

import msgspec
import pytest

from bench.host.doctor import examine
from bench.records.plan import RunPlan
from bench.records.record import Run, Status
from bench.store.runs import RunFolder

from ..fixtures import HOST
from .things import Command, complaint, contents

# ---------------------------------------------------------------------------------------------------------- cache


def test_an_empty_cache(bench: Command, tmp_path: Path) -> None:
    assert bench("cache", "info").out == f"{tmp_path / 'cache'}\n"
    assert bench("cache", "clean").out == f"{tmp_path / 'cache'}: 0.0 MiB freed\n"
    assert list(tmp_path.iterdir()) == []


def test_the_cache_is_counted_and_emptied(bench: Command, tmp_path: Path) -> None:
    kernels = tmp_path / "cache" / "engines" / "pocl"
    kernels.mkdir(parents=True)
    (kernels / "kernel.so").write_bytes(bytes(3 << 20))
    assert "engines: 3.0 MiB" in bench("cache", "info").out
    assert "3.0 MiB freed" in bench("cache", "clean").out
    assert list((tmp_path / "cache").iterdir()) == []


def test_what_is_not_ours_stays_whatever_the_cache_is_said_to_be(
    bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BENCH_CACHE=$HOME is a slip that must not cost a home."""
    home = tmp_path / "somebody"
    (home / "thesis").mkdir(parents=True)
    (home / "thesis" / "chapter.tex").write_text("years of work")
    (home / "engines").symlink_to(home / "thesis")
    before = contents(home)
    monkeypatch.setenv("BENCH_CACHE", str(home))
    for command in ("info", "clean"):
        outcome = bench("cache", command)
        assert outcome.code == 0
        assert "thesis" not in outcome.out
    assert contents(home) == before


def test_a_cache_that_is_a_file(bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "file"))
    for command in ("info", "clean"):
        assert bench("cache", command).code == 0
    assert (tmp_path / "file").read_text() == "mine"


# ---------------------------------------------------------------------------------------------------------- prune


def keep(results: Path, days_ago: float, status: Status) -> str:
    """A run that started so long ago."""
    started = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days_ago)
    name = f"{started:%Y%m%dT%H%M%SZ}-0000"
    run = Run(
        suite_version="0",
        run_id=name,
        started_at=started.isoformat(timespec="seconds"),
        status=status,
        plan=RunPlan(),
        host=HOST,
        measurements=(),
    )
    RunFolder.of(results, name).keep_run(run)
    return name


@pytest.fixture
def runs(tmp_path: Path) -> list[str]:
    """Newest first: complete, partial, complete, partial."""
    results = tmp_path / "results"
    return [
        keep(results, days, status)
        for days, status in ((0.1, "complete"), (1, "partial"), (5, "complete"), (9, "partial"))
    ]


@pytest.mark.parametrize(
    ("flags", "gone"),
    [
        (["--keep", "0"], [0, 1, 2, 3]),
        (["--keep", "3"], [3]),
        (["--keep", "9"], []),
        (["--older-than", "3"], [2, 3]),
        (["--older-than", "0"], [0, 1, 2, 3]),
        (["--older-than", "0.5"], [1, 2, 3]),
        (["--partial"], [1, 3]),
        (["--partial", "--older-than", "3"], [3]),
        (["--partial", "--keep", "2"], [3]),
        (["--keep", "1", "--older-than", "3"], [2, 3]),
    ],
)
def test_prune_removes_what_every_flag_allows(
    bench: Command, tmp_path: Path, runs: list[str], flags: list[str], gone: list[int]
) -> None:
    before = contents(tmp_path / "results")
    dry = bench("prune", *flags, "--dry-run")
    assert dry.code == 0
    assert contents(tmp_path / "results") == before
    assert [line for line in dry.out.splitlines() if line.startswith("would remove")] == [
        f"would remove {tmp_path / 'results' / 'runs' / runs[index]}" for index in gone
    ]
    real = bench("prune", *flags)
    assert real.code == 0
    assert real.out == dry.out.replace("would remove", "removed")
    assert bench("list", "run").out.split() == [name for index, name in enumerate(runs) if index not in gone]


@pytest.mark.parametrize(
    "flags",
    [[], ["--dry-run"], ["--older-than", "nan"], ["--older-than", "inf"], ["--older-than", "-1"], ["--keep", "-1"]],
)
def test_prune_without_a_sound_choice(bench: Command, tmp_path: Path, runs: list[str], flags: list[str]) -> None:
    before = contents(tmp_path / "results")
    outcome = bench("prune", *flags)
    assert outcome.code == 2
    complaint(outcome)
    assert contents(tmp_path / "results") == before


def test_prune_in_an_empty_place(bench: Command, tmp_path: Path) -> None:
    assert bench("prune", "--keep", "0").out == "0 runs.\n"
    assert list(tmp_path.iterdir()) == []


def test_prune_takes_nothing_that_is_no_run(bench: Command, tmp_path: Path, runs: list[str]) -> None:
    (tmp_path / "results" / "notes.txt").write_text("mine")
    (tmp_path / "results" / "runs" / "not-a-run").mkdir()
    (tmp_path / "results" / "runs" / "not-a-run" / "notes.txt").write_text("mine")
    assert bench("prune", "--keep", "0").code == 0
    assert set(contents(tmp_path / "results")) == {"notes.txt", "runs/not-a-run/notes.txt"}


def test_prune_takes_unreadable_runs_for_partial_ones(bench: Command, tmp_path: Path, runs: list[str]) -> None:
    (tmp_path / "results" / "runs" / runs[0] / "run.json").write_text("{")
    assert bench("prune", "--partial").code == 0
    assert bench("list", "run").out.split() == [runs[2]]


# --------------------------------------------------------------------------------------------------------- doctor


@pytest.fixture(autouse=True)
def short_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.host.doctor._WATCH_S", 0.02)
    monkeypatch.setattr("bench.host.doctor._WAITS", 5)


def test_doctor_leaves_nothing_behind(bench: Command, tmp_path: Path) -> None:
    outcome = bench("doctor", "--output", "a/b/results")
    assert outcome.code == 0
    assert f"results: {tmp_path / 'a' / 'b' / 'results'}" in outcome.out
    assert list(tmp_path.iterdir()) == []


def test_doctor_in_json(bench: Command, tmp_path: Path) -> None:
    checks = json.loads(bench("doctor", "--format", "json").out)
    assert checks == json.loads(msgspec.json.encode(checks))
    assert {check["state"] for check in checks} <= {"ok", "note", "warning", "error"}
    names = [check["name"] for check in checks]
    assert {"processor", "memory", "clock", "results", "cache", "disk", "onnxruntime"} <= set(names)
    assert names == [check.name for check in examine(tmp_path, tmp_path)]


def test_doctor_says_where_a_run_could_not_be_kept(bench: Command) -> None:
    outcome = bench("doctor", "--output", "/proc/results")
    assert outcome.code == 11
    assert "BAD results: /proc/results: cannot be written to" in " ".join(outcome.out.split())
    assert "`--output` or BENCH_RESULTS" in " ".join(outcome.out.split())


def test_doctor_sees_a_full_disk(bench: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type(shutil.disk_usage("/"))
    monkeypatch.setattr("bench.host.doctor.shutil.disk_usage", lambda place: usage(1 << 30, 1 << 30, 0))
    outcome = bench("doctor")
    assert outcome.code == 11
    assert "BAD   disk: 0 B free" in outcome.out
