"""Which repetition of an open-loop measurement comes next, and what its repetitions say of the rate so far.

A searched rate is confirmed by fresh repetitions; one that fails is lowered by a step and confirmed anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.records.findings import Finding
from bench.records.plan import EFFORTS, Effort, Measurement, Mode
from bench.records.record import Trial
from bench.records.search import Attempt, Search
from bench.scoring.holding import cannot_hold, upper_share
from bench.scoring.server import LATE_ALLOWED

# Findings of a repetition that make its rate one that does not hold, whatever its late share.
_DOES_NOT_HOLD = ("overloaded",)
# Findings about one repetition's load and moment, which say nothing of another one at another rate.
_OF_THE_RATE = frozenset(
    {
        *_DOES_NOT_HOLD,
        *("harness-late", "queries-failed", "too-few-queries", "too-short", "interval-not-supported", "not-steady"),
        *("host-busy", "clock-varied", "memory-swapped"),
    }
)


def attempts(measurement: Measurement, trials: Sequence[Trial], mode: Mode) -> tuple[Attempt, ...]:
    """The rates that were tried, in order, each with its repetitions' late shares and the verdict so far."""
    grouped = [(rate, list(group)) for rate, group in groupby(trials, key=lambda trial: trial.rate_per_s)]
    return tuple(
        _attempt(rate, group, EFFORTS[mode], fixed=measurement.rate_per_s is not None)
        for rate, group in grouped
        if rate is not None
    )


def next_rate(measurement: Measurement, search: Search | None, trials: Sequence[Trial], mode: Mode) -> float | None:
    """The rate of the repetition that comes next; None when a rate is confirmed, or nothing more is to be tried."""
    if any(trial.status == "failed" for trial in trials):
        return None  # a failed repetition makes the measurement invalid; more of them would not mend it
    first = measurement.rate_per_s or (search.passing_per_s if search is not None else None)
    if first is None:
        return None
    tried, effort = attempts(measurement, trials, mode), EFFORTS[mode]
    if not tried:
        return first
    last = tried[-1]
    if last.held is None:
        return last.rate_per_s
    if last.held or measurement.rate_per_s is not None or len(tried) >= effort.most_attempts:
        return None
    return last.rate_per_s * (1.0 - effort.step_down)


def carried(trials: Sequence[Trial]) -> list[Finding]:
    """What repetitions of earlier attempts found about the answers and the engine, which holds at every rate."""
    earlier = trials[: len(trials) - len(deciding(trials))]
    return [entry for trial in earlier for entry in trial.findings if entry.code not in _OF_THE_RATE]


def deciding(trials: Sequence[Trial]) -> list[Trial]:
    """The repetitions of the last attempt: those that the published figures come from."""
    if not trials:
        return []
    return [trial for trial in trials if trial.rate_per_s == trials[-1].rate_per_s]


def _attempt(rate: float, trials: Sequence[Trial], effort: Effort, fixed: bool) -> Attempt:
    shares = [share for trial in trials if (share := _late_share(trial)) is not None]
    upper = upper_share(shares) if shares else 1.0
    k = effort.repetitions[0]
    if any(trial.status == "failed" for trial in trials):
        return Attempt(rate_per_s=rate, late_shares=tuple(shares), upper_share=upper, held=None)
    does_not = any(entry.code in _DOES_NOT_HOLD for trial in trials for entry in trial.findings)
    held: bool | None = None
    if len(trials) >= k:
        held = upper <= LATE_ALLOWED and not does_not and len(shares) == len(trials)
    elif not fixed and (does_not or cannot_hold(shares, k, LATE_ALLOWED)):
        held = False
    return Attempt(rate_per_s=rate, late_shares=tuple(shares), upper_share=upper, held=held)


def _late_share(trial: Trial) -> float | None:
    figure = trial.metrics.get("late_share")
    return figure.value if figure is not None else None
