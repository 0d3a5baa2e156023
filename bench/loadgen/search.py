"""Search for the highest rate that holds a latency bound: bracket, then bisect on a logarithmic scale.

It decides rates and reads no clock; whoever runs the trials says what came of them.
"""

from __future__ import annotations

import math

# The first trial: a queue of fixed service times waits a few of them here, so most bounds lie not far off.
_FIRST = 0.7
_UP, _DOWN = 1.25, 0.5
# Under this share of what the engine does without gaps hardly any query meets another: slower arrivals change nothing.
_LOWEST = 0.02


class RateSearch:
    """Ask `next_rate`, run a trial there, `tell` whether it held; until `next_rate` is None.

    `width` is how far apart the two ends of the answer may be: failing / passing - 1.
    """

    def __init__(self, offline_per_s: float, width: float, most_trials: int) -> None:
        if not (0.0 < offline_per_s < math.inf and width > 0.0 and most_trials > 0):
            raise ValueError(f"search from {offline_per_s} per second to a width of {width} in {most_trials} trials")
        self._offline, self._width, self._left = offline_per_s, width, most_trials
        self.passing: float | None = None
        self.failing: float | None = None

    def next_rate(self) -> float | None:
        """The rate of the next trial; None when the bracket is narrow enough, no rate holds, or trials are used up."""
        if self._left == 0:
            return None
        if self.passing is None:
            rate = _FIRST * self._offline if self.failing is None else _DOWN * self.failing
            return rate if rate >= _LOWEST * self._offline else None
        if self.failing is None:
            return _UP * self.passing
        return math.sqrt(self.passing * self.failing) if self.failing / self.passing - 1.0 > self._width else None

    def tell(self, rate: float, held: bool) -> None:
        """What came of the trial at `rate`; where two trials contradict each other, the careful one holds."""
        self._left -= 1
        if held:
            self.passing = rate if self.passing is None else max(self.passing, rate)
        else:
            self.failing = rate if self.failing is None else min(self.failing, rate)
            if self.passing is not None and self.passing >= self.failing:
                self.passing = None
