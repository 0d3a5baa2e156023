"""`bench.loadgen.timeline`: what the child writes the parent reads; no room is an error before the run."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.loadgen import timeline

COLUMNS = ("started", "ended", "worker", "status")


def test_columns_on_disk_are_read_back_as_written(tmp_path: Path) -> None:
    written = timeline.create(tmp_path / "columns", 1000)
    written.started[:] = np.arange(1000) + 2**62
    written.ended[:500] = np.arange(500)
    written.worker[-1] = 3
    written.status[7] = 1
    read = timeline.read(tmp_path / "columns")
    assert read.rows == 1000
    for name in COLUMNS:
        assert getattr(read, name).dtype == getattr(written, name).dtype
        assert (getattr(read, name) == getattr(written, name)).all()


def test_columns_are_plain_arrays() -> None:
    """A subclass such as memmap costs a microsecond per assignment."""
    assert type(timeline.in_memory(3).started) is np.ndarray


def test_columns_on_disk_are_plain_arrays_too(tmp_path: Path) -> None:
    assert all(type(getattr(timeline.create(tmp_path, 3), name)) is np.ndarray for name in COLUMNS)


def test_a_missing_column_is_an_os_error(tmp_path: Path) -> None:
    timeline.create(tmp_path, 3)
    (tmp_path / "worker.bin").unlink()
    with pytest.raises(OSError, match=r"worker\.bin"):
        timeline.read(tmp_path)


def test_a_cut_column_is_a_value_error(tmp_path: Path) -> None:
    timeline.create(tmp_path, 3)
    with open(tmp_path / "ended.bin", "rb+") as file:
        file.truncate(16)
    with pytest.raises(ValueError, match="differ in length"):
        timeline.read(tmp_path)


def test_a_full_disk_is_an_os_error_before_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, offset: int, length: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(OSError, match="No space left"):
        timeline.create(tmp_path, 3)


def test_space_is_reserved_and_not_only_promised(tmp_path: Path) -> None:
    """Under a limit of file size the kernel refuses at once; a sparse file would end in a bus error later."""
    script = (
        "import resource, sys; from pathlib import Path; from bench.loadgen.timeline import create\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (65536, 65536))\n"
        "try: create(Path(sys.argv[1]), 1_000_000)\n"
        "except OSError as error: sys.exit(7)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=60)
    assert done.returncode == 7
