"""The small types that numbers travel in: an interval, a refusal, a scored figure, a sketch, a verdict.

Every float in them is finite, because JSON has no infinity and msgspec would write it as null: a percentile that falls
on a failed query (+infinity) is a `Refusal("queries-failed")` here. How they come about stands in `bench.scoring`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

IntervalKind = Literal[
    "repetitions-t",
    "batch-means-t",
    "wilson",
    "newcombe-paired",
    "bootstrap-identities",
    "bootstrap-utterances",
    "bootstrap-samples",
    "early-stopping",
    "bracket",
]


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """An interval around a value, in the value's unit; `confidence` counts both sides, except for "early-stopping".

    "bracket" reaches from the value that passed to the least that failed; its confidence is that of the verdicts.
    "early-stopping" is MLPerf's one-sided upper bound: `high` is the bound, `low` is 0; it assumes independence.
    """

    low: float
    high: float
    confidence: float
    kind: IntervalKind


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """A share from 0 to 1 with its interval."""

    value: float
    interval: Interval


class RocPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A point of the receiver operating characteristic: share of genuine pairs accepted where `far` impostors are.

    `threshold` is the score that a pair must lie above.
    """

    far: float
    threshold: float
    value: float
    interval: Interval


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why a number is not given: a finding code, the value seen, and the limit it is held against."""

    code: str
    seen: float
    limit: float


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of one repetition. Exactly one of `value` and `refusal` is set, at most one of the interval's pair."""

    value: float | None = None
    refusal: Refusal | None = None
    interval: Interval | None = None
    interval_refusal: Refusal | None = None


class Sketch(msgspec.Struct, frozen=True, kw_only=True):
    """What a report needs of a timeline: quantiles of a time (ns), and its course over equal windows of the run.

    `quantity` names the time: "latency_ns" (from the scheduled moment) or "service_ns" (of a batch, from its start).
    `values[i]` is the quantile `probabilities[i]`, None where it falls on a failed query (+infinity).
    Window i starts at `window_start_ns[i]` and lasts `window_ns`; its minimum, mean and maximum are those of what
    completed in it (None: nothing did), `window_completed` counts it in samples. Failures appear only in `failed`.
    """

    quantity: Literal["latency_ns", "service_ns"]
    count: int
    failed: int
    probabilities: tuple[float, ...]
    values: tuple[int | None, ...]
    window_ns: int
    window_start_ns: tuple[int, ...]
    window_min_ns: tuple[int | None, ...]
    window_mean_ns: tuple[float | None, ...]
    window_max_ns: tuple[int | None, ...]
    window_completed: tuple[int, ...]


class CurvePoint(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a ramp: what was offered and what came of it, per second of the step; latencies in ns.

    `completed_per_s` counts what ended while the step lasted, `goodput_per_s` what was due in it and ended within
    the bound. A latency is None where it falls on a failed query or the step has too few of them.
    """

    offered_per_s: float
    queries: int
    completed_per_s: float
    goodput_per_s: float
    latency_mean_ns: float | None
    latency_p50_ns: float | None
    latency_p99_ns: float | None


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """A scored repetition: metric id (see `bench.records.metrics`) to figure, the timeline's sketch, a ramp's curve."""

    metrics: dict[str, Measured]
    sketch: Sketch
    curve: tuple[CurvePoint, ...] = ()


class Lateness(msgspec.Struct, frozen=True, kw_only=True):
    """How late things happened, in ns: `count` of them, percentiles as everywhere (sorted[floor(n p)]), the latest.

    A percentile is None where there are too few for it.
    """

    count: int
    p50_ns: float
    p99_ns: float | None
    p999_ns: float | None
    max_ns: float

    @property
    def judged_ns(self) -> float:
        """What is held against a limit: the 99th percentile, and the latest where there are too few for it."""
        return self.max_ns if self.p99_ns is None else self.p99_ns


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One consistency check of a timeline: the value seen, the limit, and whether it is kept."""

    name: str
    seen: float
    limit: float
    ok: bool


class InFlight(msgspec.Struct, frozen=True, kw_only=True):
    """Rows at work at moments that an independent thread chose: how many it saw on average, and what the timeline says.

    `error` is the standard error of the mean difference. `empty` counts looks that found a row ended without its
    answer.
    """

    looks: int
    seen: float
    timeline: float
    error: float
    empty: int


class PairedCounts(msgspec.Struct, frozen=True, kw_only=True):
    """Matched answers counted: both right, only the candidate (gained), only the reference (lost), neither.

    In verification a genuine pair is an answer, and right when accepted; in recognition a whole utterance is.
    """

    both: int
    gained: int
    lost: int
    neither: int

    @property
    def total(self) -> int:
        """The number of matched samples."""
        return self.both + self.gained + self.lost + self.neither


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """Quality of a candidate against the absolute target and against its class's share of the reference.

    `difference` is the paired interval of candidate - reference whose `low` is the one-sided 95 % limit; it must lie
    above `allowance` (negative). `passed` is None where the evaluation set is too small to offer the class (`offered`
    False) and the target is met: the class is then judged by agreement of the raw outputs.
    """

    value: float
    interval: Interval
    reference: float
    target: float
    target_met: bool
    counts: PairedCounts
    difference: Interval
    allowance: float
    samples_needed: int | None
    offered: bool
    passed: bool | None


class RelativeError(msgspec.Struct, frozen=True, kw_only=True):
    """Relative error of raw outputs per sample, ‖a - b‖ / ‖b‖: its median and maximum over the samples."""

    median: float
    max: float
