"""How candidates are compared: a race in rounds that halves the field, and pairs against the default at the end.

Rules only: what a trial is and how long it may take, the caller knows. Speeds are better when they are higher.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from statistics import median

import msgspec

from bench.records.numbers import Interval, Measured
from bench.records.tuning import Choice
from bench.scoring.intervals import repetition_interval, repetition_value

PAIRS = 5
"""Pairs of trials of the best candidate and the default; fixed in advance, so that no good moment ends them."""
# One side of a two-sided 90 % interval is a 95 % limit.
_CONFIDENCE = 0.9

Try = Callable[[Choice, int], float | None]
"""The speed of a choice in a round, None when it failed. Raises OutOfTime."""


class OutOfTime(Exception):
    """There is no time for another trial."""


class Duel(msgspec.Struct, frozen=True, kw_only=True):
    """The best candidate against the default: whether it is ahead beyond the noise, how far, over how many pairs."""

    ahead: bool
    gain: Measured | None = None
    pairs: int = 0


def race(field: Sequence[Choice], trial: Try) -> tuple[Choice, bool]:
    """The best of `field`, whose first one wins ties, and whether time was left to find it.

    In each round all who are left are tried one after the other, so that a slow minute is everybody's; then the slower
    half leaves. Nobody leaves for one slow trial where there are two.
    """
    left, speeds = list(field), {choice: list[float]() for choice in field}
    for number in count():
        # Forwards and backwards by turns: what drifts with time must favour nobody.
        for choice in left if number % 2 == 0 else left[::-1]:
            try:
                speed = trial(choice, number)
            except OutOfTime:
                return _fastest([choice for choice in left if speeds[choice]] or [field[0]], speeds), False
            if speed is None:
                speeds[choice].clear()
            else:
                speeds[choice].append(speed)
        left = sorted((choice for choice in left if speeds[choice]), key=lambda one: -median(speeds[one]))
        left = left[: max((len(left) + 1) // 2, 2 if number == 0 else 1)]
        if len(left) <= 1:
            return (left[0] if left else field[0]), True
    raise AssertionError("unreachable: every round but the first halves the field")


def duel(best: Choice, default: Choice, trial: Try) -> Duel:
    """`PAIRS` pairs of trials by turns, or as many as there is time for; the default wins ties."""
    speeds: list[tuple[float, float]] = []
    for number in range(PAIRS):
        pair = {}
        try:
            for choice in (best, default) if number % 2 == 0 else (default, best):
                speed = trial(choice, number)
                if speed is None:
                    return Duel(ahead=choice == default, pairs=len(speeds))
                pair[choice] = speed
        except OutOfTime:
            break
        speeds.append((pair[best], pair[default]))
    return _verdict(speeds)


def _verdict(speeds: Sequence[tuple[float, float]]) -> Duel:
    if any(min(pair) <= 0.0 for pair in speeds):
        # Where no rate holds the bound there is no ratio; a candidate that has one in every pair is ahead all the same.
        ahead = len(speeds) == PAIRS and all(one > other for one, other in speeds)
        return Duel(ahead=ahead, pairs=len(speeds))
    if not speeds:
        return Duel(ahead=False)
    ratios = [one / other for one, other in speeds]
    found, value = repetition_interval(ratios, _CONFIDENCE), repetition_value(ratios)
    if isinstance(found, Interval):
        return Duel(ahead=found.low > 1.0, gain=Measured(value=value, interval=found), pairs=len(ratios))
    return Duel(ahead=False, gain=Measured(value=value, interval_refusal=found), pairs=len(ratios))


def _fastest(choices: Sequence[Choice], speeds: dict[Choice, list[float]]) -> Choice:
    return max(choices, key=lambda one: median(speeds[one]) if speeds[one] else 0.0)
