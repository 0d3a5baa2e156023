"""The verdict on each metric of two sets of records (measurement.md, section 6)."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import msgspec

from bench.comparing.kept import Kept
from bench.comparing.likeness import NotAlike, check_fields, guarded
from bench.comparing.margins import Margins
from bench.comparing.verdicts import REASON, blank, by_scatter, over_report
from bench.records.comparison import Comparison, Judged, Outcome, Reason, Unlike
from bench.records.plan import SEARCHED

ALPHA = 0.05


def compare(
    first: Mapping[str, Kept],
    second: Mapping[str, Kept],
    margins: Margins,
    allowed: Collection[str] = (),
    alpha: float = ALPHA,
    names: tuple[str, str] = ("A", "B"),
) -> Comparison:
    """Hold `second` against `first`, both by measurement. Raises NotAlike for what is not alike and not allowed."""
    check_fields(allowed)
    pairs = _pairs(first, second)
    waved, changed, entries = list[Unlike](), list[Unlike](), list[Judged]()
    family = sum(len(_margins_of(one, margins)) for one, _ in pairs)
    for one, other in pairs:
        unlike, tested = guarded(one, other, allowed)
        waved += unlike
        changed += tested
        entries += judge_pair(one, other, margins, alpha, family)
    matched = {(one.name, other.name) for one, other in pairs}
    gone = [entry for name, entry in first.items() if name not in {one for one, _ in matched}]
    came = [entry for name, entry in second.items() if name not in {other for _, other in matched}]
    entries += [_unjudged(entry, name, margin, "invalid", "vanished") for entry in gone
                for name, margin in _margins_of(entry, margins).items()]  # fmt: skip
    entries += [_unjudged(entry, name, margin, "not-judged", "new") for entry in came
                for name, margin in _margins_of(entry, margins).items()]  # fmt: skip
    return Comparison(
        first=names[0],
        second=names[1],
        alpha=alpha,
        judged=over_report(entries, alpha),
        allowed=tuple(waved),
        changed=tuple(dict.fromkeys(changed)),
    )


def judge_pair(first: Kept, second: Kept, margins: Margins, alpha: float, family: int) -> list[Judged]:
    """Each metric that is judged of two records that are alike, before Holm over `family` metrics."""
    return [_judged(first, second, name, margin, alpha, family) for name, margin in _margins_of(first, margins).items()]


def _pairs(first: Mapping[str, Kept], second: Mapping[str, Kept]) -> list[tuple[Kept, Kept]]:
    """What has the same name; two single records are a pair whatever they are called, for the guards to judge."""
    if len(first) == len(second) == 1:
        return list(zip(first.values(), second.values(), strict=True))
    pairs = [(first[name], second[name]) for name in first if name in second]
    if not pairs:
        raise NotAlike(
            f"Nothing to compare: the first has {', '.join(first)}, the second {', '.join(second)}, and none is in both"
        )
    return pairs


def _judged(first: Kept, second: Kept, name: str, margin: float, alpha: float, family: int) -> Judged:
    reasons = _void(first, second)
    here, there = first.values.get(name, ()), second.values.get(name, ())
    if reasons:
        return _entry(first, name, margin, "invalid", reasons, here, there)
    if not here and not there:
        return _entry(first, name, margin, "not-judged", ("no-value",), here, there)
    if not there:
        return _entry(first, name, margin, "invalid", ("vanished",), here, there)
    if not here:
        return _entry(first, name, margin, "not-judged", ("new",), here, there)
    if first.record.measurement.scenario in SEARCHED and first.record.measurement.rate_per_s is None:
        return _by_bracket(first, second, name, margin, here, there)
    return by_scatter(_entry(first, name, margin, "inconclusive", (), here, there), here, there, alpha, family)


def _void(first: Kept, second: Kept) -> tuple[Reason, ...]:
    found: list[Reason] = []
    if "partial" in (first.record.status, second.record.status):
        found.append("record-partial")
    elif not (first.record.valid and second.record.valid):
        found.append("record-invalid")
    before, now = first.record.quality, second.record.quality
    if before is not None and before.passed and (now is None or not now.passed):
        found.append("quality-lost")
    return tuple(found)


def _by_bracket(
    first: Kept, second: Kept, name: str, margin: float, here: Sequence[float], there: Sequence[float]
) -> Judged:
    """A searched rate lies between the load that held and the one that did not, whatever its repetitions scatter."""
    entry = _entry(first, name, margin, "not-judged", ("no-value",), here, there)
    one, other = (kept.record.metrics[name].interval for kept in (first, second))
    if one is None or other is None or one.kind != "bracket" or other.kind != "bracket" or min(one.low, other.low) <= 0:
        return entry
    low, high, bound = math.log(other.low / one.high), math.log(other.high / one.low), -math.log1p(-margin)
    verdict: Outcome = "better" if low > bound else "worse" if high < -bound else "inconclusive"
    if -bound < low and high < bound:
        verdict = "same"
    middle = math.sqrt(other.low * other.high / (one.low * one.high)) - 1.0
    return msgspec.structs.replace(
        entry,
        scale="bracket",
        verdict=verdict,
        reasons=(REASON[verdict],),
        change=middle,
        low=math.expm1(low),
        high=math.expm1(high),
    )


def _unjudged(kept: Kept, name: str, margin: float, verdict: Outcome, reason: Reason) -> Judged:
    values = kept.values.get(name, ())
    here, there = ((), values) if reason == "new" else (values, ())
    return _entry(kept, name, margin, verdict, (reason,), here, there)


def _entry(
    kept: Kept,
    name: str,
    margin: float,
    verdict: Outcome,
    reasons: tuple[Reason, ...],
    here: Sequence[float],
    there: Sequence[float],
) -> Judged:
    return msgspec.structs.replace(blank(kept.name, name, margin, here, there), verdict=verdict, reasons=reasons)


def _margins_of(kept: Kept, margins: Margins) -> dict[str, float]:
    return margins.of(kept.record.measurement.workload, kept.record.measurement.scenario)
