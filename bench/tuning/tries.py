"""The trials of one measurement's candidates: what each gave, what it took, and whether there is time for the next."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from bench.records.metrics import METRICS
from bench.records.tuning import Candidate, Choice
from bench.tuning.race import PAIRS, OutOfTime

# A candidate may take this many times as long as the default's trials, and so much more, before it is given up.
_SLOWER, _GRACE_S = 5.0, 5.0
# Of the budget at most this share is kept for the pairs at the end.
_PAIRS_SHARE = 1 / 3
_NS_PER_S = 1e9

Measure = Callable[[Choice, tuple[str | int, ...], float | None], Mapping[str, float]]
"""One trial of a choice, with random numbers of that name, stopped after so many seconds: metric to figure.

Raises CandidateFailed.
"""


class CandidateFailed(RuntimeError):
    """One candidate cannot be used; one line for people. `late`: it was stopped for the time it took."""

    def __init__(self, message: str, late: bool = False) -> None:
        super().__init__(message)
        self.late = late


class Tries:
    """Every candidate tried, the default first, on one clock; trials with one name draw the same random numbers.

    `preferred` metrics in order: the first one that the first trial can give is compared from then on.
    """

    def __init__(
        self,
        default: Choice,
        measure: Measure,
        preferred: Sequence[str],
        budget_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._measure, self._preferred, self._budget_s, self._clock = measure, preferred, budget_s, clock
        self._begun = clock()
        self._default = default
        self._tried: dict[Choice, Candidate] = {default: Candidate(choice=default)}
        self.metric: str | None = None

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        return tuple(self._tried.values())

    @property
    def seconds(self) -> float:
        return self._clock() - self._begun

    def new(self, choice: Choice) -> bool:
        """Whether it was never tried."""
        return choice not in self._tried

    def failed(self, choice: Choice) -> bool:
        return self._tried[choice].failure is not None

    def searching(self, *name: str | int) -> Callable[[Choice, int], float | None]:
        """Trials of a race, which leave time for the pairs at its end."""
        return lambda choice, number: self._try(choice, (*name, number), self._kept_for_pairs_s())

    def pairing(self, choice: Choice, number: int) -> float | None:
        """A trial of the pairs at the end."""
        return self._try(choice, ("pair", number), 0.0)

    def _kept_for_pairs_s(self) -> float:
        return min(_PAIRS_SHARE * self._budget_s, 2 * PAIRS * self._usual_s())

    def _usual_s(self) -> float:
        """Seconds of a trial so far; 0 before the first."""
        trials = sum(len(one.figures) for one in self._tried.values())
        spent = sum(one.seconds for one in self._tried.values() if one.figures)
        return spent / trials if trials else 0.0

    def _try(self, choice: Choice, name: tuple[str | int, ...], kept_s: float) -> float | None:
        before = self._tried.get(choice, Candidate(choice=choice))
        if before.failure is not None:
            return None
        first = not any(one.seconds for one in self._tried.values())
        left_s = self._budget_s - self.seconds - kept_s
        expected_s = before.seconds / len(before.figures) if before.figures else self._usual_s()
        if not first and left_s < expected_s:
            raise OutOfTime
        # The default's first trial may take what it takes: without it nothing could be said.
        limit_s = None if first else min(left_s, _GRACE_S + _SLOWER * self._usual_s())
        begun = self._clock()
        try:
            figures, failure = self._measure(choice, name, limit_s), None
        except CandidateFailed as error:
            if error.late and limit_s == left_s:
                raise OutOfTime from None  # the time for tuning ended, which says nothing of the candidate
            figures, failure = {}, str(error)
        figure = self._compared(figures)
        if failure is None and figure is None:
            failure = f"a trial gives no {self.metric or self._preferred[0]}"
        self._tried[choice] = Candidate(
            choice=choice,
            figures=before.figures if figure is None else (*before.figures, figure),
            seconds=before.seconds + self._clock() - begun,
            failure=failure,
        )
        return None if figure is None else self._speed(figure)

    def _compared(self, figures: Mapping[str, float]) -> float | None:
        if self.metric is None:
            self.metric = next((name for name in self._preferred if name in figures), None)
        return figures.get(self.metric) if self.metric is not None else None

    def _speed(self, figure: float) -> float:
        if self.metric is not None and METRICS[self.metric].better == "lower":
            return _NS_PER_S / max(figure, 1.0)
        return figure
