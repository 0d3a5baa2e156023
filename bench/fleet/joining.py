"""From timelines of several nodes to what they did together: one clock, one window, answers pooled by counts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.fleet.clocks import offset_at
from bench.records.fleet import Clock, FleetPoint, Joined, NodeShare
from bench.records.numbers import Interval, Measured, Refusal
from bench.records.plan import Measurement
from bench.records.record import Trial
from bench.records.versions import load
from bench.scoring.columns import Columns
from bench.scoring.intervals import repetition_interval, repetition_value
from bench.scoring.score import failed_share
from bench.scoring.server import score_server
from bench.store.runs import TRIAL
from bench.store.timeline_file import Table, read_timeline

LEAST_OVERLAP = 0.5
"""Of the whole span; nodes that were at work together for less say little of what they do together."""
_TIMELINE = "timeline.parquet"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A node's share: where its trial lies, and the readings of its clock."""

    node: str
    run_id: str
    trial: Path
    clocks: tuple[Clock, ...]


class _Seen(msgspec.Struct, frozen=True, kw_only=True):
    """A part brought to the head's clock: when its t0 was, and its table with times from there."""

    part: Part
    begun_ns: int
    error_ns: int
    table: Table
    weight: int

    @property
    def ended_ns(self) -> NDArray[np.int64]:
        return self.begun_ns + self.table["ended"].astype(np.int64)

    @property
    def answered(self) -> NDArray[np.bool_]:
        return np.asarray(self.table["status"] == 0)


def join(stage: int, measurement: Measurement, repetition: int, parts: Sequence[Part]) -> Joined | None:
    """One repetition of all `parts` together; None where one of them has no whole timeline. Raises BadFile."""
    seen = [_seen(part, measurement) for part in parts]
    whole = [one for one in seen if one is not None]
    if len(whole) < len(parts):
        return None
    first = min(one.begun_ns for one in whole)
    last_begun = max(one.begun_ns for one in whole)
    ends = [int(one.ended_ns.max()) for one in whole]
    shares = tuple(_share(one, first, last_begun, min(ends)) for one in whole)
    window_ns, span_ns = max(0, min(ends) - last_begun), max(ends) - first
    overlap = window_ns / span_ns if span_ns else 0.0
    refused = Refusal(code="overlap", seen=overlap, limit=LEAST_OVERLAP) if overlap < LEAST_OVERLAP else None
    rate = sum(share.window_samples for share in shares) * 1e9 / window_ns if refused is None else None
    error_ns = 2 * max(share.clock_error_ns for share in shares) if len(shares) > 1 else 0
    metrics = _pooled(whole, first, measurement) if measurement.scenario == "server" else _whole(whole, span_ns)
    return Joined(
        stage=stage,
        measurement=measurement.name,
        repetition=repetition,
        shares=shares,
        window_ns=window_ns,
        span_ns=span_ns,
        window_samples_per_s=rate,
        clock_error_share=error_ns / max(1, window_ns),
        start_spread_ns=last_begun - first,
        metrics=metrics,
        refusal=refused,
    )


def points(joined: Sequence[Joined]) -> tuple[FleetPoint, ...]:
    """Throughput by stage and measurement over repetitions, with e(n) where each node was measured alone, too."""
    found = []
    for stage, name in dict.fromkeys((one.stage, one.measurement) for one in joined):
        own = [one for one in joined if (one.stage, one.measurement) == (stage, name)]
        rates = {one.repetition: one.window_samples_per_s for one in own if one.window_samples_per_s}
        if not rates:
            continue
        alone = _alone(joined, name, [share.node for share in own[0].shares])
        shares = [rate / alone[index] for index, rate in rates.items() if index in alone]
        found.append(
            FleetPoint(
                stage=stage,
                measurement=name,
                count=len(own[0].shares),
                samples_per_s=repetition_value(list(rates.values())),
                interval=_interval(list(rates.values())),
                efficiency=repetition_value(shares) if shares else None,
                efficiency_interval=_interval(shares),
            )
        )
    return tuple(found)


def _seen(part: Part, measurement: Measurement) -> _Seen | None:
    if not (part.trial / TRIAL).exists() or not part.clocks:
        return None
    trial = load(part.trial / TRIAL, Trial)
    if trial.status != "complete" or trial.report is None:
        return None
    table, t0_ns = read_timeline(part.trial / _TIMELINE), trial.report.t0_ns
    offset_ns, error_ns = offset_at(part.clocks, t0_ns)
    later_ns, later_error_ns = offset_at(part.clocks, t0_ns + int(table["ended"].max()))
    # The clocks went apart by this much while it measured; that is no more than a part of the bound.
    drift_ns = abs(later_ns - offset_ns)
    return _Seen(
        part=part,
        begun_ns=t0_ns - offset_ns,
        error_ns=max(error_ns, later_error_ns) + drift_ns,
        table=table,
        weight=1 if "sample" in table else measurement.batch,
    )


def _share(one: _Seen, first: int, window_begins: int, window_ends: int) -> NodeShare:
    ended, answered = one.ended_ns, one.answered
    within = answered & (ended > window_begins) & (ended <= window_ends)
    return NodeShare(
        node=one.part.node,
        run_id=one.part.run_id,
        begun_ns=one.begun_ns - first,
        ended_ns=int(ended.max()) - first,
        samples=int(np.count_nonzero(answered)) * one.weight,
        window_samples=int(np.count_nonzero(within)) * one.weight,
        clock_error_ns=one.error_ns,
    )


def _whole(seen: Sequence[_Seen], span_ns: int) -> dict[str, Measured]:
    """`offline` over the whole span, as if one machine had done it: until the slowest is done."""
    counts = [(int(np.count_nonzero(one.answered)) * one.weight, len(one.answered) * one.weight) for one in seen]
    done, total = (sum(column) for column in zip(*counts, strict=True))
    rate = (
        Measured(value=done * 1e9 / span_ns)
        if done and span_ns
        else Measured(refusal=Refusal(code="queries-failed", seen=1.0, limit=0.0))
    )
    return {"samples_per_s": rate, "failed_share": failed_share(total - done, total)}


def _pooled(seen: Sequence[_Seen], first: int, measurement: Measurement) -> dict[str, Measured]:
    """`server`: every query of every node in one table, in order of when it was due, scored as one machine's are.

    A latency is a difference of two readings of one node's clock, so offsets do not touch it.
    """
    assert measurement.latency_bound_ns is not None

    def column(name: str) -> NDArray[np.int64]:
        return np.concatenate([one.begun_ns - first + one.table[name].astype(np.int64) for one in seen])

    due = column("scheduled")
    order = np.argsort(due, kind="stable")
    worker = np.concatenate([np.full(len(one.answered), number, np.int16) for number, one in enumerate(seen)])
    merged = Columns(
        scheduled_ns=due[order],
        started_ns=column("started")[order],
        ended_ns=column("ended")[order],
        first_query=np.arange(len(due), dtype=np.int32),
        queries=np.ones(len(due), np.int32),
        worker=worker[order],
        status=np.concatenate([one.table["status"] for one in seen])[order].astype(np.uint8),
    )
    return score_server(merged, measurement.latency_bound_ns).metrics


def _alone(joined: Sequence[Joined], name: str, nodes: Sequence[str]) -> dict[int, float]:
    """By repetition the sum of what `nodes` did each alone; where one of them did not, there is none."""
    single = {
        (one.shares[0].node, one.repetition): one.window_samples_per_s
        for one in joined
        if one.measurement == name and len(one.shares) == 1 and one.window_samples_per_s
    }
    repetitions = {repetition for _, repetition in single}
    sums = {}
    for repetition in repetitions:
        rates = [single.get((node, repetition)) for node in nodes]
        known = [rate for rate in rates if rate is not None]
        if len(known) == len(nodes):
            sums[repetition] = sum(known)
    return sums


def _interval(values: Sequence[float]) -> Interval | None:
    found = repetition_interval(list(values)) if values else None
    return found if isinstance(found, Interval) else None
