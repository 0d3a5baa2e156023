"""From the default along one axis after the other to the best candidate found, and its pairs against the default."""

from __future__ import annotations

from collections.abc import Sequence

from bench.records.numbers import Measured
from bench.records.tuning import Choice, Reason, Tuning
from bench.tuning.axes import Axis
from bench.tuning.race import duel, race
from bench.tuning.tries import Tries


def search(default: Choice, along: Sequence[Axis], tries: Tries, budget_s: float) -> Tuning:
    """Try candidates until the axes or the time ends; the default stays where nothing is better beyond the noise."""
    best, whole = _climb(default, along, tries)
    gain, pairs = None, 0
    chosen, reason = _without_pairs(default, best, tries, whole)
    if reason is None:
        found = duel(best, default, tries.pairing)
        gain, pairs = found.gain, found.pairs
        chosen, reason = (best, "ahead") if found.ahead else (default, "not-ahead")
        if tries.failed(default):
            reason = "default-failed"
        elif gain is None and not pairs and not tries.failed(best):
            reason = "out-of-time"
    return _told(tries, chosen, reason, budget_s, gain, pairs, whole)


def _climb(default: Choice, along: Sequence[Axis], tries: Tries) -> tuple[Choice, bool]:
    """The best candidate, and whether there was time to find it."""
    best = default
    for number, axis in enumerate(along):
        step = 0
        # What was tried before and left behind is not tried again, so that this ends.
        while fresh := [choice for choice in axis.others(best) if tries.new(choice)]:
            best, in_time = race([best, *fresh], tries.searching(number, step))
            if not in_time:
                return best, False
            step += 1
    return best, True


def _without_pairs(default: Choice, best: Choice, tries: Tries, whole: bool) -> tuple[Choice, Reason | None]:
    """The choice where the pairs have nothing to decide."""
    if tries.failed(default):
        return (default, "all-failed") if tries.failed(best) else (best, "default-failed")
    if best == default:
        return default, "default-best" if whole else "out-of-time"
    return default, None


def _told(
    tries: Tries, chosen: Choice, reason: Reason, budget_s: float, gain: Measured | None, pairs: int, whole: bool
) -> Tuning:
    return Tuning(
        metric=tries.metric,
        budget_s=budget_s,
        seconds=tries.seconds,
        candidates=tries.candidates,
        chosen=chosen,
        reason=reason,
        gain=gain,
        pairs=pairs,
        exhausted=not whole,
    )
