"""The latencies of many timelines scored at once: percentiles, early stopping, batch means, sketches.

A repetition alone is scored by the same functions, as one of one (`bench.scoring.score`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np

from bench.records.numbers import Interval, Measured, Refusal
from bench.scoring.batch_means import (
    BATCHES,
    mean_answers_of_sums,
    percentile_interval_answers,
    sums_of_batches,
)
from bench.scoring.columns import Floats, Int64s
from bench.scoring.early_stopping import CONFIDENCE, bound_ranks, early_stopping_answers
from bench.scoring.ordered import Ordered
from bench.scoring.percentiles import percentile_answers, ranks
from bench.scoring.ragged import Answers, Ragged, figure, interval, refuse
from bench.scoring.sketch import PROBABILITIES, Sketches, sketches

PERCENTILES: Final = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999))
LEVELS: Final = tuple(p for _, p in PERCENTILES)
_CONFIDENCE: Final = 0.95


@dataclass(frozen=True, slots=True, eq=False)
class Latencies:
    """What is said of k timelines' latencies: percentiles with intervals, (k, 4), means with intervals, (k,), in ns."""

    percentiles: Answers
    percentile_intervals: Answers
    means: Floats
    mean_intervals: Answers

    def metrics(self, i: int) -> dict[str, Measured]:
        """`latency_p50_ns`, p90, p99, p999 and `latency_mean_ns` of timeline `i`."""
        named = {
            f"latency_{name}_ns": measured(
                figure(self.percentiles[i, at]),
                interval(self.percentile_intervals[i, at], _CONFIDENCE, "batch-means-t"),
            )
            for at, (name, _) in enumerate(PERCENTILES)
        }
        around = interval(self.mean_intervals[i], _CONFIDENCE, "batch-means-t")
        if isinstance(around, Refusal) and around.code == "queries-failed":
            mean = measured(around, None)  # there is no mean either
        else:
            mean = measured(float(self.means[i]), around)
        return {**named, "latency_mean_ns": mean}


@dataclass(frozen=True, slots=True, eq=False)
class Many:
    """The scores of k timelines: latencies, MLPerf's early-stopping bounds, (k, levels asked for), and sketches."""

    latencies: Latencies
    early_stopping: Answers
    sketches: Sketches

    def bound(self, i: int, level: int) -> Interval | Refusal:
        """The early-stopping bound of timeline `i` at the level numbered `level`."""
        return interval(self.early_stopping[i, level], CONFIDENCE, "early-stopping")


def latency_answers(latency_ns: Ragged, ordered: Ordered) -> Latencies:
    """Of latencies in the order of time, int64 ns with `FAILED_NS`; `ordered` are the same."""
    sums = sums_of_batches(latency_ns)
    return Latencies(
        percentiles=finite_percentiles(ordered),
        percentile_intervals=percentile_interval_answers(latency_ns, ordered, LEVELS),
        means=_totals(latency_ns, sums) / latency_ns.sizes,
        mean_intervals=mean_answers_of_sums(sums, latency_ns.sizes, ordered.failed),
    )


def _totals(latency_ns: Ragged, sums: Floats) -> Floats:
    """The sum of each timeline, (k,), from those of its batches, where it has enough values to have batches."""
    totals: Floats = sums.sum(axis=1)
    short = latency_ns.sizes < BATCHES
    if short.any():
        totals[short] = np.add.reduceat(latency_ns.values, latency_ns.offsets[:-1], dtype=np.float64)[short]
    return totals


def finite_percentiles(ordered: Ordered) -> Answers:
    """The percentiles at `LEVELS`, refused where they fall on a failure: a record holds no infinity."""
    found, failed = percentile_answers(ordered, LEVELS), (ordered.failed / ordered.sizes)[:, None]
    refuse(found, np.isinf(found["high"]), "queries-failed", failed, 1.0 - np.array(LEVELS))
    return found


def score_many(
    latency_ns: Ragged, ended_ns: Int64s, start_ns: Int64s, early: Sequence[float] = (0.9, 0.99), samples: int = 1
) -> Many:
    """All of it, of k timelines whose queries are in the order of time and ended at `ended_ns`, (n,).

    `start_ns`, (k,), is where each begins; `early` are the percentiles whose early-stopping bound is asked for;
    a query brings `samples`. Worked on in blocks: beside its input it needs memory for the longest timeline, four
    times, and for its answers. Raises ValueError when shapes differ or a query ends before its timeline begins.
    """
    if ended_ns.shape != latency_ns.values.shape or start_ns.shape != (latency_ns.count,):
        raise ValueError(f"`ended_ns` has shape {ended_ns.shape}, `start_ns` {start_ns.shape}: expected (n,), (k,)")
    ends, blocks = Ragged(ended_ns, latency_ns.offsets), list(latency_ns.blocks())
    parts = [
        _block(latency_ns.take(chosen), ends.take(chosen).values, start_ns[chosen], early, samples) for chosen in blocks
    ]
    joined: Many = _joined(parts, np.argsort(np.concatenate(blocks)))
    return joined


def _block(latency: Ragged, ended: Int64s, start: Int64s, early: Sequence[float], samples: int) -> Many:
    ordered = Ordered(latency)
    # All ranks that are known now, so that a long timeline is gone through once for them.
    ordered.at(
        np.concatenate([ranks(ordered.sizes, PROBABILITIES), *(bound_ranks(ordered.sizes, p) for p in early)], 1)
    )
    drawn = sketches(latency, ordered, ended, start, samples)
    bounds = [early_stopping_answers(ordered, p) for p in early]
    return Many(latency_answers(latency, ordered), np.stack(bounds, axis=1), drawn)


def _joined(parts: Sequence[Any], order: Int64s) -> Any:
    """The parts as one, their timelines in `order`; works on any dataclass of arrays and such dataclasses."""
    if isinstance(parts[0], np.ndarray):
        return np.concatenate(parts)[order]
    kind = type(parts[0])
    names = [entry.name for entry in fields(kind)]
    return kind(**{name: _joined([getattr(part, name) for part in parts], order) for name in names})


def measured(value: float | Refusal, around: Interval | Refusal | None) -> Measured:
    """A figure with its interval, either of which may be refused."""
    refused = isinstance(value, Refusal)
    return Measured(
        value=None if isinstance(value, Refusal) else value,
        refusal=value if isinstance(value, Refusal) else None,
        # No interval around a number that is not given.
        interval=around if isinstance(around, Interval) and not refused else None,
        interval_refusal=around if isinstance(around, Refusal) and not refused else None,
    )
