"""Systems held against one another: the verdicts of every pair of measurements, and why some are not compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import msgspec

from bench.comparing.judging import ALPHA, judge_pair
from bench.comparing.kept import Kept
from bench.comparing.likeness import OF_SYSTEMS, unlike
from bench.comparing.margins import Margins
from bench.comparing.verdicts import over_report
from bench.records.comparison import Judged, Outcome, Unlike
from bench.records.plan import Scenario

Records = Mapping[str, Kept]
_TURNED: dict[Outcome, Outcome] = {"better": "worse", "worse": "better", "same": "same", "inconclusive": "inconclusive"}


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement of one system, `second`, beside the baseline's: its verdicts, or else what makes both unlike.

    `first` and `second` are names of measurements; they differ where only the precision does.
    """

    first: str
    second: str
    workload: str
    scenario: Scenario
    judged: tuple[Judged, ...] = ()
    unlike: tuple[Unlike, ...] = ()


def held_against_each_other(systems: Sequence[Records], margins: Margins) -> list[list[tuple[Held, ...]]]:
    """`[i][j]`: system j held against i; nothing where i is j.

    Whoever looks for the best of many systems looks at all verdicts against a baseline at once: Holm's procedure
    covers all of them together. What only one of two systems has measured is left out; what differs in precision
    alone is there, and is not judged.
    """
    found: list[list[tuple[Held, ...]]] = [[()] * len(systems) for _ in systems]
    family = max((sum(len(_matched(one, other)) for other in systems) for one in systems), default=0)
    for i, j in combinations(range(len(systems)), 2):
        found[i][j] = tuple(_held(*pair, margins, family) for pair in _matched(systems[i], systems[j]))
        found[j][i] = tuple(
            _turned(entry, systems[j][entry.second], systems[i][entry.first], margins, family) for entry in found[i][j]
        )
    return [_corrected(row) for row in found]


def _matched(first: Records, second: Records) -> list[tuple[Kept, Kept]]:
    """What has the same name; of the rest what is of one workload and scenario."""
    pairs = [(first[name], second[name]) for name in first if name in second]
    left = [entry for name, entry in second.items() if name not in first]
    for name, entry in first.items():
        if name not in second:
            pairs += [(entry, other) for other in left if _load(other) == _load(entry)]
    return pairs


def _load(kept: Kept) -> tuple[str, Scenario]:
    return kept.record.measurement.workload, kept.record.measurement.scenario


def _held(first: Kept, second: Kept, margins: Margins, family: int) -> Held:
    differences = unlike(first, second, OF_SYSTEMS)
    workload, scenario = _load(first)
    return Held(
        first=first.name,
        second=second.name,
        workload=workload,
        scenario=scenario,
        judged=() if differences else tuple(judge_pair(first, second, margins, ALPHA, family)),
        unlike=differences,
    )


def _turned(held: Held, first: Kept, second: Kept, margins: Margins, family: int) -> Held:
    """The same two the other way round: by arithmetic where statistics decided, else asked again."""
    passed = {entry.record.quality is not None and entry.record.quality.passed for entry in (first, second)}
    if len(passed) > 1 or not all(entry.verdict in _TURNED and entry.change is not None for entry in held.judged):
        return _held(first, second, margins, family)
    return msgspec.structs.replace(
        held,
        first=held.second,
        second=held.first,
        judged=tuple(turned(entry) for entry in held.judged),
        unlike=tuple(_other_way(entry) for entry in held.unlike),
    )


def turned(entry: Judged) -> Judged:
    """A judged metric with both sides exchanged. Its margin is one of logarithms, and so the same both ways."""
    ends = (entry.high, entry.low)
    change, low, high = (_inverse(value, entry.scale == "points") for value in (entry.change, *ends))
    return msgspec.structs.replace(
        entry,
        first=entry.second,
        second=entry.first,
        repetitions=(entry.repetitions[1], entry.repetitions[0]),
        change=change,
        low=low,
        high=high,
        verdict=_TURNED[entry.verdict],
    )


def _inverse(change: float | None, points: bool) -> float | None:
    if change is None:
        return None
    return -change if points else -change / (1.0 + change)


def _other_way(entry: Unlike) -> Unlike:
    return msgspec.structs.replace(entry, first=entry.second, second=entry.first)


def _corrected(row: list[tuple[Held, ...]]) -> list[tuple[Held, ...]]:
    """All verdicts against one baseline after Holm over all of them."""
    judged = iter(over_report([entry for own in row for held in own for entry in held.judged], ALPHA))
    return [
        tuple(msgspec.structs.replace(held, judged=tuple(next(judged) for _ in held.judged)) for held in own)
        for own in row
    ]
