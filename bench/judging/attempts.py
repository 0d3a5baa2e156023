"""Which repetition of `server` and `streams` comes next, and what the repetitions say of the rate so far.

A searched rate is confirmed by fresh repetitions; one that fails is lowered by a step and confirmed anew. When one has
held, the next higher one, which should not, gets repetitions of its own; where it holds, too, it is the answer so far.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from bench.records.effort import EFFORTS, Effort
from bench.records.findings import Finding
from bench.records.plan import SEARCHED, Measurement, Mode
from bench.records.record import Record, Trial
from bench.records.search import Attempt, Search
from bench.scoring.holding import cannot_hold, upper_share
from bench.scoring.server import LATE_ALLOWED

# Findings of a repetition that make its rate one that does not hold, whatever its late share.
_DOES_NOT_HOLD = ("overloaded",)
# Findings about one repetition's load and moment, which say nothing of another one at another rate.
_OF_THE_RATE = frozenset(
    {
        *_DOES_NOT_HOLD,
        *("harness-late", "queries-failed", "out-of-memory", "too-few-queries", "too-short"),
        *("interval-not-supported", "not-steady"),
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
    if tried[-1].held is None:
        return tried[-1].rate_per_s
    if measurement.rate_per_s is not None or len(tried) >= effort.most_attempts:
        return None
    best = best_held(tried)
    if best is None:
        return _lower(measurement, tried[-1].rate_per_s, effort)
    if not effort.confirm_failing or any(not attempt.held and attempt.rate_per_s > best for attempt in tried):
        return None
    return _higher(measurement, best, search, effort)


def best_held(tried: Sequence[Attempt]) -> float | None:
    """The highest rate that held, None where none did."""
    return max((attempt.rate_per_s for attempt in tried if attempt.held), default=None)


def carried(trials: Sequence[Trial], deciding: Sequence[Trial]) -> list[Finding]:
    """What repetitions of other attempts found about the answers and the engine, which holds at every rate."""
    others = [trial for trial in trials if trial not in deciding]
    return [entry for trial in others for entry in trial.findings if entry.code not in _OF_THE_RATE]


def deciding(trials: Sequence[Trial], tried: Sequence[Attempt]) -> list[Trial]:
    """The repetitions that the published figures come from: of the highest rate that held, else of the last one.

    A failed repetition at another rate belongs to them: it ended the measurement.
    """
    if not trials:
        return []
    best = best_held(tried)
    rate = trials[-1].rate_per_s if best is None else best
    return [trial for trial in trials if trial.rate_per_s == rate or trial.status == "failed"]


def scored(record: Record, trials: Sequence[Trial]) -> list[Trial]:
    """The whole repetitions that a record's published figures come from."""
    kept = deciding(trials, record.attempts) if record.measurement.scenario in SEARCHED else trials
    return [trial for trial in kept if trial.status == "complete"]


def values_of(trials: Sequence[Trial]) -> dict[str, tuple[float, ...]]:
    """The values of each metric that all repetitions have."""
    names = trials[0].metrics if trials else ()
    found = {name: [trial.metrics[name].value for trial in trials if name in trial.metrics] for name in names}
    return {
        name: tuple(value for value in values if value is not None)
        for name, values in found.items()
        if len(values) == len(trials) and None not in values
    }


def _lower(measurement: Measurement, rate: float, effort: Effort) -> float | None:
    """The next rate to try after one that did not hold; one camera less in `streams`, None without any."""
    if measurement.frames_per_s is None:
        return rate * (1.0 - effort.step_down)
    fewer = round(rate / measurement.frames_per_s) - 1
    return fewer * measurement.frames_per_s if fewer > 0 else None


def _higher(measurement: Measurement, best: float, search: Search | None, effort: Effort) -> float:
    """The lowest rate above `best` that should not hold."""
    if measurement.frames_per_s is not None:
        return best + measurement.frames_per_s
    failing = search.failing_per_s if search is not None else None
    return failing if failing is not None and failing > best else best * (1.0 + effort.search_width)


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
    # Of several cameras every single one must hold.
    figure = trial.metrics.get("worst_late_share", trial.metrics.get("late_share"))
    return figure.value if figure is not None else None
