"""What `server` and `streams` publish: the load that held, between what holds and what does not, or why none."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.judging.attempts import best_held
from bench.records.effort import EFFORTS
from bench.records.findings import Finding, finding
from bench.records.metrics import PRIMARY
from bench.records.numbers import Interval, Measured, Refusal
from bench.records.plan import Measurement, Mode
from bench.records.search import Attempt, Search
from bench.scoring.server import LATE_ALLOWED

# The verdict of a rate is one-sided at 95 %.
_CONFIDENCE = 0.95

Published = tuple[dict[str, Measured], tuple[Finding, ...]]


def published(
    measurement: Measurement,
    search: Search | None,
    tried: Sequence[Attempt],
    metrics: dict[str, Measured],
    mode: Mode,
    complete: bool,
) -> Published:
    """The metrics with the primary one as it may be published, and what is found about the rate."""
    primary = PRIMARY[measurement.scenario]
    if not complete:
        return metrics, ()
    if search is not None and search.passing_per_s is None:
        return _none_holds(search, primary, metrics, mode)
    if not tried or tried[-1].held is None:
        return metrics, ()  # a repetition failed, which has a finding of its own
    best = best_held(tried)
    if best is None:
        upper = tried[-1].upper_share
        refused = Measured(refusal=Refusal(code="bound-missed", seen=upper, limit=LATE_ALLOWED))
        return {**metrics, primary: refused}, (finding("bound-missed", mode, upper, LATE_ALLOWED),)
    failing = _lowest_failing(search, tried)
    figure = metrics.get(primary)
    if measurement.rate_per_s is not None or failing is None or figure is None or figure.value is None:
        return metrics, ()
    unit = measurement.frames_per_s or 1.0
    bracket = Interval(low=figure.value, high=failing / unit, confidence=_CONFIDENCE, kind="bracket")
    shown = msgspec.structs.replace(figure, interval=bracket, interval_refusal=None)
    return {**metrics, primary: shown}, _width(measurement, best, failing, mode)


def _width(measurement: Measurement, best: float, failing: float, mode: Mode) -> tuple[Finding, ...]:
    """Whether what holds and what does not are too far apart; cameras are not when they are neighbours."""
    width, effort = failing / best - 1.0, EFFORTS[mode]
    allowed = effort.search_width + effort.step_down
    if measurement.frames_per_s is not None:
        allowed = 1.5 * measurement.frames_per_s / best
    return (finding("search-too-wide", mode, width, effort.search_width),) if width > allowed else ()


def _none_holds(search: Search, primary: str, metrics: dict[str, Measured], mode: Mode) -> Published:
    lowest = min((trial.rate_per_s for trial in search.trials), default=0.0)
    refused = Measured(refusal=Refusal(code="no-rate-holds-bound", seen=lowest, limit=search.offline_per_s))
    return {**metrics, primary: refused}, (finding("no-rate-holds-bound", mode, lowest, search.offline_per_s),)


def _lowest_failing(search: Search | None, tried: Sequence[Attempt]) -> float | None:
    failed = [attempt.rate_per_s for attempt in tried if attempt.held is False]
    if search is not None and search.failing_per_s is not None:
        failed.append(search.failing_per_s)
    return min(failed, default=None)
