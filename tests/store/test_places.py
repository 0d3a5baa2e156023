"""`bench.store.places`: where things go, and proof that they can."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from bench.store.places import (
    CannotWrite,
    cache_directory,
    ensure_writable,
    results_directory,
    run_names,
)
from bench.store.runs import RunFolder

from ..records.examples import RUN


def test_results_go_where_the_flag_the_variable_or_the_folder_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCH_RESULTS", raising=False)
    assert results_directory(None) == Path.cwd() / "results"
    monkeypatch.setenv("BENCH_RESULTS", "~/kept")
    assert results_directory(None) == Path.home() / "kept"
    assert results_directory("here") == Path.cwd() / "here"


def test_the_cache_goes_where_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", "/tmp/c")
    assert cache_directory() == Path("/tmp/c")
    monkeypatch.delenv("BENCH_CACHE")
    assert cache_directory().name == "inference-bench"


def test_a_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    ensure_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotWrite, match=r"file: cannot be written to: .+\. Choose another place \(`--output`"):
        ensure_writable(tmp_path / "file")


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CannotWrite, match="No space left on device"):
        ensure_writable(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_runs_are_named_newest_first(tmp_path: Path) -> None:
    for name in ("2", "3", "1"):
        RunFolder.of(tmp_path, name).keep_run(RUN)
    (tmp_path / "runs" / "4").mkdir()
    assert run_names(tmp_path) == ["3", "2", "1"]
    assert run_names(tmp_path / "nowhere") == []
