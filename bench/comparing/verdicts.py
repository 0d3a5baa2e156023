"""The verdict on one metric from the values of its repetitions, and on all of a report (measurement.md, section 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np

from bench.records.comparison import Judged, Outcome, Reason, Scale
from bench.records.metrics import METRICS
from bench.scoring.differences import (
    Scatter,
    deciding_repetitions,
    holm,
    interval,
    judged,
    log_scatter_of,
    probability,
    scatter_of,
    welch,
)
from bench.scoring.intervals import repetition_value

REASON: dict[Outcome, Reason] = {
    "better": "beyond-margin",
    "worse": "beyond-margin",
    "same": "within-margin",
    "inconclusive": "interval-spans-margin",
}


def blank(measurement: str, name: str, margin: float, here: Sequence[float], there: Sequence[float]) -> Judged:
    """One metric with its values in brief, not judged yet."""
    metric = METRICS[name]
    scale: Scale = "points" if metric.unit == "1" else "ratio"
    return Judged(
        measurement=measurement,
        metric=name,
        unit=metric.unit,
        better=metric.better,
        scale=scale,
        margin=margin,
        verdict="not-judged",
        reasons=("no-value",),
        first=_middle(here, scale),
        second=_middle(there, scale),
        repetitions=(len(here), len(there)),
    )


def by_scatter(entry: Judged, here: Sequence[float], there: Sequence[float], alpha: float, family: int) -> Judged:
    """`entry` with Welch's verdict at 1 - `alpha`, before Holm over `family` metrics.

    `deciding` counts for the level that the first of a family is held to.
    """
    scatters = _scatters(entry.scale, here, there)
    if scatters is None:
        return msgspec.structs.replace(entry, verdict="not-judged", reasons=("no-value",))
    one, other = scatters
    difference = welch(one, other)
    bound = entry.margin if entry.scale == "points" else -math.log1p(-entry.margin)
    turned = msgspec.structs.replace(entry, change=_change(float(difference.value), entry.scale))
    if min(len(here), len(there)) < 2:
        return msgspec.structs.replace(turned, verdict="not-judged", reasons=("one-repetition",))
    pointed, least = probability(difference if entry.better == "higher" else welch(other, one), bound)
    low, high = interval(difference, 1.0 - alpha)
    needed = float(deciding_repetitions(one, other, bound, alpha / family))
    verdict: Outcome = str(judged(pointed, least, alpha))  # type: ignore[assignment]  # one of OUTCOMES
    return msgspec.structs.replace(
        turned,
        verdict=verdict,
        reasons=(REASON[verdict],),
        low=_change(float(low), entry.scale),
        high=_change(float(high), entry.scale),
        probability=float(least),
        deciding=int(needed) if math.isfinite(needed) else None,
    )


def over_report(entries: Sequence[Judged], alpha: float) -> tuple[Judged, ...]:
    """The verdicts with Holm over all metrics that chance could make look different."""
    least = np.array([math.nan if entry.probability is None else entry.probability for entry in entries])
    if not entries:
        return ()
    return tuple(
        entry if math.isnan(value) else _adjusted(entry, float(value), alpha)
        for entry, value in zip(entries, holm(least), strict=True)
    )


def _adjusted(entry: Judged, adjusted: float, alpha: float) -> Judged:
    if adjusted <= alpha or entry.verdict == "inconclusive":
        return msgspec.structs.replace(entry, adjusted=adjusted)
    return msgspec.structs.replace(entry, adjusted=adjusted, verdict="inconclusive", reasons=("interval-spans-margin",))


def _scatters(scale: Scale, here: Sequence[float], there: Sequence[float]) -> tuple[Scatter, Scatter] | None:
    if scale == "points":
        return scatter_of(here), scatter_of(there)
    if min(*here, *there) <= 0.0:
        return None
    return log_scatter_of(here), log_scatter_of(there)


def _middle(values: Sequence[float], scale: Scale) -> float | None:
    if not values:
        return None
    if scale == "points" or min(values) <= 0.0:
        return float(np.mean(values))
    return repetition_value(values)


def _change(value: float, scale: Scale) -> float:
    return value if scale == "points" else math.expm1(value)
