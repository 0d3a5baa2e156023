"""The columns of a timeline as scoring takes them, and the latencies that follow from them.

A failed query has latency +infinity (measurement.md, section 2); in int64 columns that is `FAILED_NS`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# The largest int64 sorts after every real latency (292 years), so one in-place integer sort orders failures last.
FAILED_NS: Final[int] = 2**63 - 1
# What `status` says of a row that was not answered: its engine failed, or nobody took it before it was too old.
FAILED: Final = 1
DROPPED: Final = 2


@dataclass(frozen=True, slots=True, eq=False)
class Columns:
    """A timeline, one row per executed batch, in the order of issue. All arrays have shape (rows,).

    Times are int64 nanoseconds of one clock. `first_query` is the index of the row's first query and `queries` how many
    it holds; a query split over workers has one row per part, all with the same `first_query`. `status` 0 is success,
    else `FAILED` or `DROPPED`; a failed row ends when the failure is known, so that its time counts, and no earlier
    than it was scheduled.
    Raises ValueError when there is no row, or a column is not one-dimensional, of another length, or not of integers.
    """

    scheduled_ns: Int64s
    started_ns: Int64s
    ended_ns: Int64s
    first_query: npt.NDArray[np.int32]
    queries: npt.NDArray[np.int32]
    worker: npt.NDArray[np.int16]
    status: npt.NDArray[np.uint8]
    samples_per_query: int = 1

    def __post_init__(self) -> None:
        rows = np.shape(self.scheduled_ns)
        if len(rows) != 1 or rows[0] == 0:
            raise ValueError(f"a timeline needs at least one row; `scheduled_ns` has shape {rows}")
        if self.samples_per_query < 1:
            raise ValueError(f"`samples_per_query` is {self.samples_per_query}, expected at least 1")
        for column in fields(self)[:-1]:
            _check_column(column.name, getattr(self, column.name), rows)

    @property
    def rows(self) -> int:
        """The number of rows."""
        return self.scheduled_ns.size

    @property
    def elapsed_ns(self) -> int:
        """Last end minus first scheduled, the divisor of every rate; the last end where the run begins at 0."""
        return int(self.ended_ns.max()) - int(self.scheduled_ns.min())


def _check_column(name: str, column: npt.NDArray[Any], rows: tuple[int, ...]) -> None:
    if column.shape != rows:
        raise ValueError(f"column `{name}` has shape {column.shape}, expected {rows}")
    expected = "int64" if name.endswith("_ns") else "integers"
    if column.dtype.kind not in "iu" or (expected == "int64" and column.dtype != np.int64):
        raise ValueError(f"column `{name}` is {column.dtype}, expected {expected}")


def latencies(begin_ns: Int64s, ended_ns: Int64s, status: npt.NDArray[np.uint8]) -> Int64s:
    """`ended_ns - begin_ns` as int64 ns, `FAILED_NS` where `status` is not 0; shape as given, in the order given.

    Raises ValueError when shapes differ or a successful query ends before it begins.
    """
    if not begin_ns.shape == ended_ns.shape == status.shape:
        raise ValueError(f"shapes differ: begin {begin_ns.shape}, ended {ended_ns.shape}, status {status.shape}")
    latency: Int64s = ended_ns - begin_ns
    failed = status != 0
    if failed.any():
        latency[failed] = FAILED_NS
    if latency.size and int(latency.min()) < 0:
        row = int(latency.argmin())
        raise ValueError(f"query {row} ends at {ended_ns[row]} ns, before its beginning at {begin_ns[row]} ns")
    return latency


def is_sorted(values: npt.NDArray[Any]) -> bool:
    """Whether `values` never decreases: O(n), far cheaper than sorting what the driver already wrote in order."""
    return bool((values[1:] >= values[:-1]).all())


def per_query(columns: Columns) -> Columns:
    """The timeline with one row per query: rows with the same `first_query` become one.

    The merged row is scheduled and started with its first part, ends with its last, and failed if any part failed;
    `worker` is that of its first part. Rows come out in the order of the query index.
    Raises ValueError when a row holds more than one query: such rows cannot be told apart.
    """
    if int(columns.queries.min()) != 1 or int(columns.queries.max()) != 1:
        raise ValueError(f"a row holds {int(columns.queries.max())} queries; this scenario issues one query at a time")
    query = columns.first_query
    if bool((query[1:] > query[:-1]).all()):
        return columns
    order = slice(None) if is_sorted(query) else np.argsort(query, kind="stable")
    query = query[order]
    first = np.flatnonzero(np.r_[True, query[1:] != query[:-1]])
    return Columns(
        scheduled_ns=np.minimum.reduceat(columns.scheduled_ns[order], first),
        started_ns=np.minimum.reduceat(columns.started_ns[order], first),
        ended_ns=np.maximum.reduceat(columns.ended_ns[order], first),
        first_query=query[first],
        queries=columns.queries[order][first],
        worker=columns.worker[order][first],
        status=np.maximum.reduceat(columns.status[order], first),
        samples_per_query=columns.samples_per_query,
    )
