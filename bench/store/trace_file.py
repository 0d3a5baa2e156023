"""Arrival times that a user brings, CSV or Parquet of seconds: read in a process of its own, for the file is foreign.

Run as `python -m bench.store.trace_file FILE TARGET` it is that process.
"""

from __future__ import annotations

import hashlib
import io
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.records.untrusted import BadFile
from bench.store.files import write_bytes

MOST_QUERIES = 10_000_000
COLUMN = "seconds"
_LONGEST_S = 86_400.0
_MEMORY_BYTES = 4 << 30
_TIME_LIMIT_S = 120.0


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Arrivals in ns after t0, ascending from 0, (queries,)."""

    times_ns: NDArray[np.int64]

    @property
    def queries(self) -> int:
        return len(self.times_ns)

    @property
    def rate_per_s(self) -> float:
        """Queries per second over the whole trace."""
        return self.queries * 1e9 / float(self.times_ns[-1])

    @property
    def sha256(self) -> str:
        """Of the times, whatever file they came in."""
        return "sha256:" + hashlib.sha256(np.ascontiguousarray(self.times_ns, "<i8").tobytes()).hexdigest()


def read_trace(path: Path) -> Trace:
    """The arrivals of a CSV or Parquet file, sorted and counted from the first one.

    The column is called `seconds`, or is the only one. Raises BadFile with what is wrong in one line.
    """
    if not path.is_file():
        raise BadFile(f"{path}: there is no such file of arrival times.")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "seconds.npy"
        command = [sys.executable, "-P", "-m", "bench.store.trace_file", str(path.absolute()), str(target)]
        try:
            done = subprocess.run(command, capture_output=True, timeout=_TIME_LIMIT_S, check=False, text=True)
        except subprocess.TimeoutExpired:
            raise BadFile(
                f"{path}: reading it takes longer than {_TIME_LIMIT_S:.0f} s; it is no file of times."
            ) from None
        if done.returncode != 0 or not target.exists():
            why = (done.stderr.strip().splitlines() or ["it cannot be read"])[-1]
            raise BadFile(f"{path}: {why[:200]}")
        seconds: NDArray[np.float64] = np.load(target, allow_pickle=False)
    return _trace(path, seconds)


def keep_trace(path: Path, trace: Trace) -> None:
    """Keep the times beside the run that they belong to, as int64 ns in numpy's format. Raises OSError."""
    stream = io.BytesIO()
    np.save(stream, trace.times_ns)
    write_bytes(path, stream.getvalue())


def _trace(path: Path, seconds: NDArray[np.float64]) -> Trace:
    if not 2 <= seconds.size <= MOST_QUERIES:
        raise BadFile(f"{path}: it holds {seconds.size} times; expected 2 to {MOST_QUERIES:,}.")
    if not np.isfinite(seconds).all():
        row = int(np.flatnonzero(~np.isfinite(seconds))[0])
        raise BadFile(f"{path}: time number {row + 1} is missing or not finite.")
    ordered = np.sort(seconds)
    ordered -= ordered[0]
    if not 0.0 < ordered[-1] <= _LONGEST_S:
        raise BadFile(f"{path}: the times span {ordered[-1]:g} s; expected more than none and at most one day.")
    return Trace(times_ns=np.rint(ordered * 1e9).astype(np.int64))


def _read_seconds(path: Path) -> NDArray[np.float64]:
    """The column of times of a file, with duckdb that can reach nothing else."""
    import duckdb

    reader = "read_parquet" if path.read_bytes()[:4] == b"PAR1" else "read_csv"
    with duckdb.connect(
        config={
            "threads": 1,
            "memory_limit": "2GB",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    ) as connection:
        quoted_path = str(path).replace("'", "''")
        connection.execute(f"SET allowed_paths = ['{quoted_path}']")
        connection.execute("SET enable_external_access = false")
        relation = connection.execute(f"SELECT * FROM {reader}(?) LIMIT 0", [str(path)])
        names = [column[0] for column in relation.description or []]
        if COLUMN not in names and len(names) != 1:
            raise ValueError(f"it has the columns {', '.join(names)}; expected one called `{COLUMN}`, or only one.")
        column = COLUMN if COLUMN in names else names[0]
        quoted = column.replace('"', '""')
        query = f'SELECT CAST("{quoted}" AS DOUBLE) AS s FROM {reader}(?) LIMIT {MOST_QUERIES + 1}'
        found = connection.execute(query, [str(path)]).fetchnumpy()["s"]
    return np.ma.filled(np.ma.asarray(found, np.float64), np.nan)


def main(arguments: list[str]) -> int:
    """Read FILE and write its column of times to TARGET; the last line on stderr says what is wrong."""
    source, target = arguments
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    try:
        np.save(target, _read_seconds(Path(source)))
    except Exception as error:  # noqa: BLE001 - duckdb's own errors, whatever a foreign file provokes
        sys.stderr.write(next(iter(str(error).splitlines()), type(error).__name__) + "\n")
        return os.EX_DATAERR
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
