"""Search for the highest rate that holds a latency bound: bracket, then bisect on a logarithmic scale.

It decides rates and reads no clock; whoever runs the trials says what came of them, and ends when time is used up.
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

    `width` is how far apart the two ends of the answer may be: failing / passing - 1. With a `step`, rates are whole
    multiples of it, and the ends are one step apart.
    """

    def __init__(self, offline_per_s: float, width: float, step: float | None = None) -> None:
        if not (0.0 < offline_per_s < math.inf and width > 0.0 and (step is None or 0.0 < step < math.inf)):
            raise ValueError(f"search from {offline_per_s} per second to a width of {width} in steps of {step}")
        self._offline, self._width, self._step = offline_per_s, width, step
        self.passing: float | None = None
        self.failing: float | None = None

    def next_rate(self) -> float | None:
        """The rate of the next trial; None when the ends are close enough, or no rate holds."""
        if self._step is not None:
            steps = self._next_steps(self._step)
            return None if steps is None else steps * self._step
        if self.passing is None:
            rate = _FIRST * self._offline if self.failing is None else _DOWN * self.failing
            return rate if rate >= _LOWEST * self._offline else None
        if self.failing is None:
            return _UP * self.passing
        return math.sqrt(self.passing * self.failing) if self.failing / self.passing - 1.0 > self._width else None

    def _next_steps(self, step: float) -> int | None:
        failing = round(self.failing / step) if self.failing is not None else None
        if self.passing is None:
            if failing is None:
                return max(1, math.floor(_FIRST * self._offline / step))
            return failing // 2 or None
        passing = round(self.passing / step)
        if failing is None:
            return max(passing + 1, math.floor(_UP * passing))
        middle = round(math.sqrt(passing * failing))
        return max(passing + 1, min(failing - 1, middle)) if failing - passing > 1 else None

    def tell(self, rate: float, held: bool) -> None:
        """What came of the trial at `rate`; where two trials contradict each other, the careful one holds."""
        if held:
            self.passing = rate if self.passing is None else max(self.passing, rate)
        else:
            self.failing = rate if self.failing is None else min(self.failing, rate)
            if self.passing is not None and self.passing >= self.failing:
                self.passing = None
