"""The results of a test report in words: requirement, value, uncertainty and verdict of every line, rounded once."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from bench.records.inspection import Inspected, Inspection, Judgement, Requirement
from bench.records.listing import Limit
from bench.records.numbers import Interval
from bench.records.policy import QUALITY
from bench.scoring.distributions import t_quantile
from bench.text import name, printable, sentence
from bench.text.listing import gate_words, remark_text
from bench.text.rounding import exact, plain, rounded, shown_unit

DIGITS = 4
"""Significant digits of what has no uncertainty, where no policy asks for others."""
_UNITS = {"us": "µs", "1": ""}
_SIGNS = {">=": "≥", "<=": "≤"}


class ResultRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the results. `requirement` is empty where nothing was asked, `value` where there is none.

    `uncertainty` are lines: the expanded one, the interval, what kind of interval it is. `void` figures must not be
    used, `unverified` ones nobody vouches for.
    """

    number: int
    measurement: str
    metric: str
    region: str
    unit: str
    requirement: str
    value: str
    uncertainty: tuple[str, ...]
    judgement: Judgement
    judgement_text: str
    notes: tuple[str, ...]
    void: bool
    unverified: bool


class ConditionRow(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a result must be for a conclusion, what it is, and whether that is enough."""

    name: str
    required: str
    seen: str
    state: str
    state_text: str


def result_rows(made: Inspection, lang: str) -> tuple[ResultRow, ...]:
    """Every line of the results, numbered from 1."""
    digits = made.rules.digits if made.rules is not None else DIGITS
    return tuple(_row(number, item, digits, lang) for number, item in enumerate(made.items, start=1))


def condition_rows(made: Inspection, lang: str) -> tuple[ConditionRow, ...]:
    """What the policy admits, and what the submission is."""
    return tuple(_condition(one, lang) for one in made.conditions)


def _row(number: int, item: Inspected, digits: int, lang: str) -> ResultRow:
    asked = item.requirement
    shown = asked.unit if asked is not None else shown_unit(item.unit, item.value or 0.0)
    if asked is not None and asked.asked_by == "suite":
        shown = "%"
    figure = rounded(item.value, item.interval, item.unit, shown, digits) if item.value is not None else None
    return ResultRow(
        number=number,
        measurement=printable(item.measurement),
        metric=_metric(item.metric, lang),
        region=name(lang, "test_report_region", item.timed_region),
        unit=unit_text(shown, lang) if figure is not None or asked is not None else "",
        requirement=_requirement(item, shown, lang),
        value=figure.value if figure is not None else "",
        uncertainty=_uncertainty(item, shown, digits, lang),
        judgement=item.judgement,
        judgement_text=name(lang, "judgement", item.judgement),
        notes=tuple(_notes(item, shown, figure.value if figure is not None else "", lang)),
        void=any(remark.code == "invalid" for remark in item.remarks),
        unverified=item.unverified,
    )


def unit_text(unit: str, lang: str) -> str:
    """A unit as it is printed; a pure number has none."""
    return sentence(lang, "test_report.channels") if unit == "channels" else _UNITS.get(unit, unit)


def _metric(metric: str, lang: str) -> str:
    if metric == QUALITY:
        return sentence(lang, "test_report.quality")
    return name(lang, "metric", f"{metric}.name").removesuffix(".name")


def _requirement(item: Inspected, shown: str, lang: str) -> str:
    """`≤ 20`, with ★ where it is guarded; the unit stands in a column of its own."""
    asked = item.requirement
    if asked is None:
        return ""
    text = f"{_SIGNS[asked.op]} {plain(_limit(asked, shown))}"
    key = "suite_requirement" if asked.asked_by == "suite" else "guarded_requirement" if asked.guarded else ""
    return sentence(lang, f"test_report.{key}", limit=text) if key else text


def _uncertainty(item: Inspected, shown: str, digits: int, lang: str) -> tuple[str, ...]:
    if item.value is None or item.interval is None:
        return ()
    kind = coverage_text(item.interval, item.repetitions, lang)
    if item.interval.kind == "early-stopping":
        return (kind,)
    figure = rounded(item.value, item.interval, item.unit, shown, digits)
    ends = f"[{figure.low}, {figure.high}]"
    if item.interval.kind == "bracket":
        return (ends, kind)
    return (f"U = {figure.expanded}", ends, kind)


def coverage_text(interval: Interval, repetitions: int, lang: str) -> str:
    """What stands behind an interval: method, coverage, and the factor k where it is one of Student's t."""
    confidence = f"{100.0 * interval.confidence:.4g} %"
    text = sentence(lang, f"interval.{interval.kind}", confidence=confidence, repetitions=repetitions)
    if interval.kind != "repetitions-t" or repetitions < 2:
        return text
    factor = f"{t_quantile(interval.confidence, repetitions - 1):.3g}"
    return sentence(lang, "test_report.factor", text=text, factor=factor, degrees=repetitions - 1)


def _notes(item: Inspected, shown: str, printed: str, lang: str) -> list[str]:
    """Why something was not checked, that it is near the limit, and the unrounded value where rounding hides it."""
    notes = [remark_text(lang, remark) for remark in item.remarks]
    asked = item.requirement
    if item.near:
        notes.append(sentence(lang, "test_report.near"))
    if asked is None or item.value is None:
        return notes
    limit, full = _limit(asked, shown), exact(item.value, item.unit, shown)
    hidden = (Decimal(printed) < limit, Decimal(printed) > limit) != (full < limit, full > limit)
    if item.near or hidden:
        notes.append(sentence(lang, "test_report.unrounded", value=plain(full)))
    return notes


def _limit(asked: Requirement, shown: str) -> Decimal:
    """The limit in the unit that is printed; only the suite's targets are kept in another one."""
    return exact(asked.limit, asked.unit, shown)


def _condition(one: Limit, lang: str) -> ConditionRow:
    return ConditionRow(
        name=name(lang, "list_gate_name", one.gate),
        required=gate_words(lang, one.gate, one.required),
        seen=gate_words(lang, one.gate, one.seen),
        state=one.state,
        state_text=name(lang, "test_report_state", one.state),
    )
