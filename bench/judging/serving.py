"""What an open-loop measurement publishes: the rate that held, between what holds and what does not, or why none."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.records.findings import Finding, finding
from bench.records.metrics import PRIMARY
from bench.records.numbers import Interval, Measured, Refusal
from bench.records.plan import EFFORTS, Measurement, Mode
from bench.records.search import Attempt, Search
from bench.scoring.server import LATE_ALLOWED

_PRIMARY = PRIMARY["server"]
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
    if not complete:
        return metrics, ()
    if search is not None and search.passing_per_s is None:
        return _none_holds(search, metrics, mode)
    if not tried:
        return metrics, ()
    last = tried[-1]
    if last.held is None:
        return metrics, ()  # a repetition failed, which has a finding of its own
    if not last.held:
        refused = Measured(refusal=Refusal(code="bound-missed", seen=last.upper_share, limit=LATE_ALLOWED))
        return {**metrics, _PRIMARY: refused}, (finding("bound-missed", mode, last.upper_share, LATE_ALLOWED),)
    failing = _lowest_failing(search, tried)
    figure = metrics.get(_PRIMARY)
    if measurement.rate_per_s is not None or failing is None or figure is None or figure.value is None:
        return metrics, ()
    bracket = Interval(low=figure.value, high=failing, confidence=_CONFIDENCE, kind="bracket")
    width = failing / last.rate_per_s - 1.0
    wide = width > EFFORTS[mode].search_width + EFFORTS[mode].step_down
    found = (finding("search-too-wide", mode, width, EFFORTS[mode].search_width),) if wide else ()
    shown = msgspec.structs.replace(figure, interval=bracket, interval_refusal=None)
    return {**metrics, _PRIMARY: shown}, found


def _none_holds(search: Search, metrics: dict[str, Measured], mode: Mode) -> Published:
    lowest = min((trial.rate_per_s for trial in search.trials), default=0.0)
    refused = Measured(refusal=Refusal(code="no-rate-holds-bound", seen=lowest, limit=search.offline_per_s))
    return {**metrics, _PRIMARY: refused}, (finding("no-rate-holds-bound", mode, lowest, search.offline_per_s),)


def _lowest_failing(search: Search | None, tried: Sequence[Attempt]) -> float | None:
    failed = [attempt.rate_per_s for attempt in tried if attempt.held is False]
    if search is not None and search.failing_per_s is not None:
        failed.append(search.failing_per_s)
    return min(failed, default=None)
