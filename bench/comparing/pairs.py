"""Interleaved A/B measurement: pairs in random order within blocks A B B A, at planned looks, until it is decided.

What drifts with time (heat, neighbours) meets both arms alike; a stored baseline cannot offer that.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random

import msgspec

from bench import __version__
from bench.comparing.arms import Arm, TurnFailed
from bench.comparing.kept import Kept
from bench.comparing.likeness import FIELDS, guarded
from bench.comparing.margins import Margins
from bench.comparing.verdicts import blank, by_scatter, over_report
from bench.records.comparison import Comparison, Judged, Unlike
from bench.records.pairs import End, Pairs, Side, Turn
from bench.records.plan import RunPlan
from bench.scoring.intervals import LOOKS, look_confidence

Announce = Callable[[int, str, int, Side], None]
"""Called before each turn: place of the measurement, its name, the pair from 1 (0: not counted), the arm."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is measured: for each measurement the plan of either arm; how long it may take; where the dice start."""

    plans: tuple[tuple[RunPlan, RunPlan], ...]
    margins: Margins
    budget_s: float | None
    seed: int


def orders(seed: int) -> Iterator[tuple[Side, Side]]:
    """The order within each pair: blocks of two pairs that mirror each other, A B B A or B A A B at random."""
    dice = Random(seed)
    while True:
        first: tuple[Side, Side] = ("a", "b") if dice.random() < 0.5 else ("b", "a")
        yield first
        yield first[::-1]


def measure_pairs(asked: Asked, arms: tuple[Arm, Arm], announce: Announce) -> Pairs:
    """Take turns until every metric has a verdict, the looks are spent, or the budget is."""
    started = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    courses = [
        _Course(place, plans, arms, asked.margins, orders(asked.seed + place))
        for place, plans in enumerate(asked.plans)
    ]
    ends = None if asked.budget_s is None else time.monotonic() + asked.budget_s
    end: End = "looks-spent"
    confidence, judged = look_confidence(LOOKS[0]), _judged(courses, 0, 1.0 - look_confidence(LOOKS[0]))
    for look in LOOKS:
        open_ = [course for course in courses if look == LOOKS[0] or course.undecided(judged)]
        # By turns over measurements, too: none of them has all its pairs in one bad minute.
        if not all(course.reach(pair, announce, ends) for pair in range(1, look + 1) for course in open_):
            end = "repetition-failed" if any(course.failure for course in courses) else "budget-spent"
            break
        confidence = look_confidence(look)
        judged = _judged(courses, look, 1.0 - confidence)
        if not any(course.undecided(judged) for course in courses):
            end = "decided"
            break
    judged = tuple(_ended(entry, end, courses) for entry in judged)
    comparison = Comparison(
        first=arms[0].facts.spec or "A",
        second=arms[1].facts.spec or "B",
        alpha=1.0 - confidence,
        judged=judged,
        allowed=tuple(entry for course in courses for entry in course.unlike),
        changed=tuple(dict.fromkeys(entry for course in courses for entry in course.changed)),
    )
    turns = sorted((taken for course in courses for taken in course.turns), key=lambda entry: entry[0])
    return Pairs(
        suite_version=__version__,
        started_at=started,
        seed=asked.seed,
        plans=tuple(first for first, _ in asked.plans),
        first=arms[0].facts,
        second=arms[1].facts,
        turns=tuple(turn for _, turn in turns),
        end=end,
        comparison=comparison,
    )


class _Course:
    """One measurement of both arms, as far as it has got."""

    def __init__(
        self,
        place: int,
        plans: tuple[RunPlan, RunPlan],
        arms: tuple[Arm, Arm],
        margins: Margins,
        order: Iterator[tuple[Side, Side]],
    ) -> None:
        self._place, self._order, self._margins = place, order, margins
        self._plans: dict[Side, RunPlan] = {"a": plans[0], "b": plans[1]}
        self._arms: dict[Side, Arm] = {"a": arms[0], "b": arms[1]}
        self._pairs, self._warm, self._latest = 0, False, dict[Side, Kept]()
        self.name = f"{plans[0].workloads[0]}.{plans[0].scenarios[0]}.{plans[0].precision}"
        self.turns: list[tuple[float, Turn]] = []
        self.failure: str | None = None
        self.unlike: tuple[Unlike, ...] = ()
        self.changed: tuple[Unlike, ...] = ()

    def reach(self, pairs: int, announce: Announce, ends: float | None) -> bool:
        """Have so many pairs; False when the time is up before one, or an arm failed."""
        while self._pairs < pairs:
            if self.failure is not None or (ends is not None and time.monotonic() >= ends):
                return False
            if not self._pair(announce):
                return False
        return True

    def values(self, side: Side, metric: str, pairs: int) -> list[float]:
        """Of the first `pairs` pairs; fewer where some had none."""
        turns = [turn for _, turn in self.turns if turn.side == side and turn.pair <= pairs]
        return [turn.values[metric] for turn in turns if metric in turn.values]

    def judged(self, look: int, alpha: float, family: int) -> list[Judged]:
        """Each metric at the last look that is whole, before Holm."""
        pairs = min(look, self._pairs)
        found = []
        for metric, margin in self.metrics().items():
            here, there = self.values("a", metric, pairs), self.values("b", metric, pairs)
            entry = blank(self.name, metric, margin, here, there)
            found.append(by_scatter(entry, here, there, alpha, family) if here and there else _without(entry))
        return found

    def metrics(self) -> dict[str, float]:
        """What is judged, with margins."""
        return self._margins.of(self._plans["a"].workloads[0], self._plans["a"].scenarios[0])

    def undecided(self, judged: Sequence[Judged]) -> bool:
        return any(entry.measurement == self.name and entry.verdict == "inconclusive" for entry in judged)

    def _pair(self, announce: Announce) -> bool:
        order = next(self._order)
        if not self._warm:
            # Compiled programs are in the caches then, and the machine is as warm for the first arm as for the second.
            for side in order:
                if self._arms[side].facts.caches == "warm" and self._turn(side, 0, announce) is None:
                    return False
            self._warm = True
        for side in order:
            kept = self._turn(side, self._pairs + 1, announce)
            if kept is None:
                return False
            self._latest[side] = kept
        self._pairs += 1
        if self._pairs == 1:
            self.unlike, self.changed = guarded(self._latest["a"], self._latest["b"], FIELDS)
        return True

    def _turn(self, side: Side, pair: int, announce: Announce) -> Kept | None:
        announce(self._place, self.name, pair, side)
        try:
            kept = self._arms[side].turn(self._plans[side])
        except TurnFailed as failed:
            self.failure = f"{side.upper()}: {failed}"
            failure = Turn(measurement=self.name, pair=pair, side=side, run="", failure=str(failed))
            self.turns.append((time.monotonic(), failure))
            return None
        if pair:
            values = {name: found[0] for name, found in kept.values.items() if len(found) == 1}
            turn = Turn(measurement=self.name, pair=pair, side=side, run=kept.origin, values=values)
            self.turns.append((time.monotonic(), turn))
        return kept


def _judged(courses: Sequence[_Course], look: int, alpha: float) -> tuple[Judged, ...]:
    family = sum(len(course.metrics()) for course in courses)
    return over_report([entry for course in courses for entry in course.judged(look, alpha, family)], alpha)


def _without(entry: Judged) -> Judged:
    return msgspec.structs.replace(entry, verdict="not-judged", reasons=("no-value",))


def _ended(entry: Judged, end: End, courses: Sequence[_Course]) -> Judged:
    """What a failed arm, or the end of the budget, makes of a verdict."""
    if any(course.name == entry.measurement and course.failure for course in courses):
        return msgspec.structs.replace(entry, verdict="invalid", reasons=("record-invalid",))
    if end == "budget-spent" and entry.verdict in ("inconclusive", "not-judged"):
        return msgspec.structs.replace(entry, reasons=("budget-spent",))
    return entry
