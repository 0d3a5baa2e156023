"""Does the timeline leave the workers the time it says they worked? Finding `busy-time` (measurement.md, section 5).

The device's own counter, (iv) there, needs an input that no backend gives yet.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from bench.records.numbers import Check, InFlight
from bench.scoring.columns import DROPPED, Columns, Int64s, is_sorted

TOLERANCE: Final = 0.01
IN_FLIGHT_TOLERANCE: Final = 0.02
# Standard errors; three would accuse one honest run in 370.
_ERRORS: Final = 4.0
_LEAST_LOOKS: Final = 20
# Between a clock reading and the entry in a list that shows it lies a tenth of a microsecond, in which a look may fall.
_LEAST_SERVICE_NS: Final = 20_000


@dataclass(frozen=True, slots=True)
class _Busy:
    """One worker's time, in ns: sum of its intervals, the part of the run they cover, the greatest overlap."""

    total: int
    covered: int
    overlap: int
    reversed: int


def _worker_busy(started: Int64s, ended: Int64s, begin_ns: int, end_ns: int) -> _Busy:
    if not is_sorted(started):
        order = np.argsort(started, kind="stable")
        started, ended = started[order], ended[order]
    total = int((ended - started).sum())
    reversed_rows = int(np.count_nonzero(ended < started))
    reach = ended if is_sorted(ended) else np.maximum.accumulate(ended)
    overlap = 0
    if started.size > 1:
        overlap = max(0, int((np.minimum(ended[1:], reach[:-1]) - started[1:]).max()))
    # The union: each interval adds what lies beyond the reach of those before it, clipped to the run.
    clipped = np.clip(reach, begin_ns, end_ns)
    fresh_from = np.clip(started, begin_ns, end_ns)
    np.maximum(fresh_from[1:], clipped[:-1], out=fresh_from[1:])
    covered = int(np.maximum(clipped - fresh_from, 0).sum())
    return _Busy(total=total, covered=covered, overlap=overlap, reversed=reversed_rows)


def _all_busy(columns: Columns, begin_ns: int, end_ns: int) -> list[_Busy]:
    workers = np.unique(columns.worker)
    if workers.size == 1:  # a view: no copy of ten million rows
        return [_worker_busy(columns.started_ns, columns.ended_ns, begin_ns, end_ns)]
    picks = (columns.worker == worker for worker in workers)
    return [_worker_busy(columns.started_ns[pick], columns.ended_ns[pick], begin_ns, end_ns) for pick in picks]


def worker_checks(columns: Columns, elapsed_ns: int) -> tuple[Check, ...]:
    """Check (i): per worker the intervals [b, e] do not overlap and Σ(e - b) <= elapsed; each for the worst worker.

    `elapsed_ns` is the length of the run by the harness's own clock, not taken from the columns.
    "interval-order": rows that end before they start (limit 0). "worker-overlap": the greatest overlap in ns (limit 0;
    touching ends are none). "worker-busy-share": Σ(e - b) / elapsed (limit 1).
    Raises ValueError unless `elapsed_ns` > 0.
    """
    busy = _all_busy(columns, *_run(columns, elapsed_ns))
    order = float(sum(worker.reversed for worker in busy))
    overlap = float(max(worker.overlap for worker in busy))
    share = max(worker.total for worker in busy) / elapsed_ns
    return (
        Check(name="interval-order", seen=order, limit=0.0, ok=order == 0.0),
        Check(name="worker-overlap", seen=overlap, limit=0.0, ok=overlap == 0.0),
        Check(name="worker-busy-share", seen=share, limit=1.0, ok=share <= 1.0),
    )


def closed_loop_check(columns: Columns, queries_per_s: float, elapsed_ns: int) -> Check:
    """Check (ii), closed loop: throughput x mean service = workers x mean batch x busy share, within 1 %.

    `queries_per_s` is the rate that is published and `elapsed_ns` the run's length by the harness's own clock. The busy
    share is the part of that time which the workers' intervals *cover*. From one set of columns alone both sides would
    be the same sum; so they differ when the rate is not the timeline's, intervals overlap, or lie outside the run.
    `seen` is |left/right - 1|. Raises ValueError unless `elapsed_ns` > 0 and the rate is not negative.
    """
    if not queries_per_s >= 0.0:
        raise ValueError(f"`queries_per_s` is {queries_per_s}, expected at least 0")
    busy = _all_busy(columns, *_run(columns, elapsed_ns))
    mean_service_s = sum(worker.total for worker in busy) / columns.rows / 1e9
    mean_batch = float(columns.queries.mean(dtype=np.float64))
    busy_workers = sum(worker.covered for worker in busy) / elapsed_ns  # workers x busy share
    left, right = queries_per_s * mean_service_s, busy_workers * mean_batch
    seen = abs(left / right - 1.0) if right > 0.0 else float(left > 0.0)
    return Check(name="closed-loop", seen=seen, limit=TOLERANCE, ok=seen <= TOLERANCE)


def in_flight(columns: Columns, looks: Int64s) -> InFlight | None:
    """What an independent thread saw at work, beside what the timeline says of the same moments; None without looks.

    `looks`, (n, 3): the moment in ns on the clock of the columns, rows at work, rows that had ended without an answer.
    The moments are not uniform: a thread gets its turn of Python's lock when another gives it up, which is when a
    session computes. Comparing moment by moment takes that out, which comparing with λW would not.
    """
    if not looks.size:
        return None
    moments, seen = looks[:, 0], looks[:, 1].astype(np.float64)
    starts, ends = (
        column if is_sorted(column) else np.sort(column) for column in (columns.started_ns, columns.ended_ns)
    )
    begun, ended = (column.searchsorted(moments, side="right") for column in (starts, ends))
    timeline = (begun - ended).astype(np.float64)
    away = seen - timeline
    error = float(away.std(ddof=1)) / math.sqrt(away.size) if away.size > 1 else 0.0
    empty = int(np.count_nonzero(looks[:, 2]))
    return InFlight(looks=away.size, seen=float(seen.mean()), timeline=float(timeline.mean()), error=error, empty=empty)


def in_flight_checks(columns: Columns, found: InFlight | None) -> tuple[Check, ...]:
    """Check (iii): what was seen at work is what the timeline says, ±max(2 %, 4 s.e.), and what ended has its answer.

    "in-flight": |seen/timeline - 1|; not judged with fewer than 20 looks, or where a row takes under 20 µs on average.
    "empty-answer": looks that found a row ended without its answer (limit 0).
    """
    if found is None:
        return ()
    empty = Check(name="empty-answer", seen=found.empty, limit=0.0, ok=found.empty == 0)
    most = max(found.seen, found.timeline)
    # What a row takes, from the greater of the two: a forged timeline of short rows must not be a way out.
    service_ns = most * columns.elapsed_ns / max(1, int(np.count_nonzero(columns.status != DROPPED)))
    if found.looks < _LEAST_LOOKS or service_ns < _LEAST_SERVICE_NS:
        return (empty,)
    seen, limit = abs(found.seen - found.timeline) / most, max(IN_FLIGHT_TOLERANCE, _ERRORS * found.error / most)
    return Check(name="in-flight", seen=seen, limit=limit, ok=seen <= limit), empty


def _run(columns: Columns, elapsed_ns: int) -> tuple[int, int]:
    if elapsed_ns <= 0:
        raise ValueError(f"`elapsed_ns` is {elapsed_ns}, expected a positive length of the run")
    begin = int(columns.scheduled_ns.min())
    return begin, begin + elapsed_ns
