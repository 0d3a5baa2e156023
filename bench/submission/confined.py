"""Parquet files of others, read in a process that has limits; here arrive plain columns only."""

from __future__ import annotations

import contextlib
import functools
import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any  # Any: what is asked, integers of any width

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.host.engine_environment import engine_environment
from bench.host.engine_process import how_it_ended
from bench.records.untrusted import BadFile, read_json
from bench.store.places import cache_directory
from bench.submission.parquet_child import DTYPES, REPLY

# A reader has a minute of processor time, and may have to wait for a processor or a disk.
PATIENCE_S = 300.0


class Unreadable(ValueError):
    """A file that could not be read within the limits, or is none of its kind; one line."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a reader says: rows, the columns that it left, and those that have one value; or what is wrong."""

    rows: int = 0
    columns: tuple[str, ...] = ()
    constants: dict[str, int] = {}
    error: str | None = None


def read_columns(file: Path, most_rows: int, known: frozenset[str]) -> tuple[int, dict[str, NDArray[Any]]]:
    """Rows of a Parquet file, and its columns by name, (rows,) each, among `known`: integers, as narrow as they may be.

    Raises Unreadable.
    """
    with tempfile.TemporaryDirectory(prefix="bench-columns-") as place:
        folder = Path(place)
        code = _reader().ask({"file": str(file), "folder": place, "most_rows": most_rows})
        if code != 0:
            raise Unreadable(f"could not be read within its limits of memory and time: the reader {how_it_ended(code)}")
        try:
            reply = read_json(folder / REPLY, Reply)
        except BadFile as error:
            raise Unreadable(f"the reader left no reply: {error}") from None
        if reply.error is not None:
            raise Unreadable(reply.error)
        return reply.rows, _columns(folder, reply, most_rows, known)


def _columns(folder: Path, reply: Reply, most_rows: int, known: frozenset[str]) -> dict[str, NDArray[Any]]:
    """What the reader left; it has read what somebody wrote, and is not believed either."""
    names = (*reply.columns, *reply.constants)
    whole = all(-(1 << 63) <= value < 1 << 63 for value in reply.constants.values())
    if not 0 < reply.rows <= most_rows or len(set(names)) < len(names) or not set(names) <= known or not whole:
        raise Unreadable("the reader left what is no timeline")
    found = {name: np.broadcast_to(np.int64(value), reply.rows) for name, value in reply.constants.items()}
    for name in reply.columns:
        path, dtype = folder / f"{name}.bin", np.dtype(DTYPES.get(name, np.int64))
        if path.is_symlink() or not path.is_file() or path.stat().st_size != reply.rows * dtype.itemsize:
            raise Unreadable(f"the reader left no whole column {name!r}")
        # The file goes with its folder; the mapping stays, and its pages are the system's to drop.
        found[name] = np.memmap(path, dtype, "r")
    return found


class Reader:
    """The process that forks for each file; started when it is first needed, and again where it had to be ended."""

    def __init__(self, program: tuple[str, ...] = ("-m", "bench.submission.parquet_child")) -> None:
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, asked: dict[str, Any]) -> int:
        """The exit code of the fork. Raises Unreadable when it takes too long."""
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            process.stdin.flush()
            ready, _, _ = select.select([process.stdout], [], [], PATIENCE_S)
            line = process.stdout.readline() if ready else None
        except OSError:
            line = b""
        if not line:
            self.end()
            raise Unreadable(
                f"could not be read within {PATIENCE_S:.0f} s"
                if line is None
                else "the reader ended before it answered"
            )
        return int(line)

    def end(self) -> None:
        """Kill the process and what it forked."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, 9)
            self._process.communicate()
            self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", *self._program, str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=engine_environment(cache_directory(), 1),
            )
        return self._process


@functools.cache
def _reader() -> Reader:
    return Reader()
