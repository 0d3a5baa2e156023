"""One timeline scored that need not fit into memory: it is gone through five times, in parts.

The figures are those of `many`: the same ranks, batches and windows, of which each part adds its share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Refusal, Score
from bench.scoring.batch_means import (
    BATCHES,
    batch_sums,
    mean_answers_of_sums,
    percentile_interval_answers_of_counts,
)
from bench.scoring.columns import FAILED_NS, Floats, Int64s, latencies
from bench.scoring.many import LEVELS, Latencies, finite_percentiles, measured
from bench.scoring.ordered import Ordered
from bench.scoring.percentiles import ranks
from bench.scoring.quality import wilson
from bench.scoring.sketch import PROBABILITIES, WINDOWS, Sketches


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Consecutive queries of a timeline, in the order of issue; all arrays (n,), times in int64 ns of one clock."""

    scheduled_ns: Int64s
    ended_ns: Int64s
    status: npt.NDArray[np.generic]

    def latency(self) -> Int64s:
        """From the scheduled moment; `FAILED_NS` where a query failed. Raises ValueError as `latencies`."""
        return latencies(self.scheduled_ns, self.ended_ns, self.status.astype(np.uint8))


Parts = Callable[[], Iterator[Part]]
"""Goes through a timeline from its beginning, each time it is called."""


def score_streamed(parts: Parts, start_ns: int | None = None) -> Score:
    """Latency p50, p90, p99, p999 and mean with intervals, completed queries per second, the failed share, the sketch.

    A part has a row per query; `start_ns` is where the timeline begins, the first scheduled moment where it is None.
    Memory is needed for a part, and for the values that share a bucket with a percentile (`bench.scoring.ordered`):
    about a hundredth of them all. Raises ValueError for an empty or malformed timeline.
    """
    ordered = Ordered.of_chunks(lambda: (part.latency() for part in parts()))
    known = ranks(ordered.sizes, (*LEVELS, *PROBABILITIES))
    found = ordered.at(known)
    start, end = _ends(parts, start_ns)
    totals = _Totals(int(ordered.sizes[0]), found[0, : len(LEVELS)], start, end)
    for part in parts():
        totals.add(part.latency(), part.ended_ns)
    n, failed = int(ordered.sizes[0]), int(ordered.failed[0])
    metrics = Latencies(
        percentiles=finite_percentiles(ordered),
        percentile_intervals=percentile_interval_answers_of_counts(ordered, LEVELS, totals.beyond[None]),
        means=totals.sums.sum(keepdims=True) / n,
        mean_intervals=mean_answers_of_sums(totals.sums[None], ordered.sizes, ordered.failed),
    ).metrics(0)
    lost = Refusal(code="queries-failed", seen=1.0, limit=0.0)
    rate = measured((n - failed) * 1e9 / max(end - start, 1) if failed < n else lost, None)
    return Score(
        metrics={
            **metrics,
            "queries_per_s": rate,
            "failed_share": measured(failed / n, wilson(failed, n)),
        },
        sketch=totals.sketches(ordered, found[:, len(LEVELS) :]).one(0),
    )


def _ends(parts: Parts, start_ns: int | None) -> tuple[int, int]:
    """Where it begins, and the last end."""
    start, first, end = FAILED_NS, FAILED_NS, -FAILED_NS
    for part in parts():
        start, end = min(start, int(part.scheduled_ns.min())), max(end, int(part.ended_ns.max()))
        first = min(first, int(part.ended_ns.min()))
    start = start if start_ns is None else start_ns
    if first < start:
        raise ValueError(f"a completion at {first} ns precedes the start at {start} ns")
    return start, end


class _Totals:
    """What all parts come to: sums and exceedances of the batches, and the windows of the sketch."""

    def __init__(self, total: int, levels: Int64s, start: int, end: int) -> None:
        self._total, self._levels, self._seen = total, levels, 0
        self._start, elapsed = start, end - start
        self._width = max(1, -(-elapsed // WINDOWS))
        self._windows = max(1, -(-elapsed // self._width))
        self.sums: Floats = np.zeros(BATCHES)
        self.beyond: Floats = np.zeros((len(levels), BATCHES))
        self._count, self._sum = np.zeros(WINDOWS, np.int64), np.zeros(WINDOWS)
        self._low, self._high = np.full(WINDOWS, FAILED_NS), np.zeros(WINDOWS, np.int64)

    def add(self, latency: Int64s, ended_ns: Int64s) -> None:
        """One part."""
        self.sums += batch_sums(latency, self._seen, self._total)
        for row, level in zip(self.beyond, self._levels, strict=True):
            row += batch_sums(latency > level, self._seen, self._total)
        self._seen += latency.size
        answered = latency != FAILED_NS
        if not answered.all():
            latency, ended_ns = latency[answered], ended_ns[answered]
        if latency.size:
            self._add_windows(latency, ended_ns)

    def _add_windows(self, latency: Int64s, ended_ns: Int64s) -> None:
        window = np.minimum((ended_ns - self._start) // self._width, self._windows - 1)
        order = np.argsort(window, kind="stable")
        window, latency = window[order], latency[order]
        first = np.flatnonzero(np.r_[True, window[1:] != window[:-1]])
        at = window[first]
        self._count[at] += np.diff(np.r_[first, window.size])
        self._sum[at] += np.add.reduceat(latency, first, dtype=np.float64)
        self._low[at] = np.minimum(self._low[at], np.minimum.reduceat(latency, first))
        self._high[at] = np.maximum(self._high[at], np.maximum.reduceat(latency, first))

    def sketches(self, ordered: Ordered, quantiles: Int64s) -> Sketches:
        """The sketch of the one timeline."""
        return Sketches(
            count=ordered.sizes,
            failed=ordered.failed,
            quantiles=quantiles,
            start_ns=np.array([self._start]),
            width_ns=np.array([self._width]),
            windows=np.array([self._windows]),
            filled=self._count[None] > 0,
            low_ns=self._low[None],
            mean_ns=(self._sum / np.maximum(self._count, 1))[None],
            high_ns=self._high[None],
            completed=self._count[None],
        )
