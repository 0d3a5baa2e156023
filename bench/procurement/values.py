"""The values of a candidate that a policy's terms and gates ask for, or why there is none."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bench.judging.attempts import scored
from bench.procurement.addresses import Address, parsed
from bench.procurement.candidates import Candidate, of_interest
from bench.records.findings import error_codes
from bench.records.listing import Remark
from bench.records.numbers import Interval
from bench.records.plan import Region
from bench.records.policy import LEAST, MOST, QUALITY, Policy, Term
from bench.records.record import Quality, Record
from bench.scoring.differences import log_scatter_of

Q999 = 0.999
_BY_SAMPLE = "top1"
_TENTH_OF_A_LOSS = 100
_WALL = "wall_energy_per_sample_j"
# What bars a figure of energy from a ranking: measured by a meter that nobody calibrated, or with gaps.
_UNCERTAIN_ENERGY = frozenset({"meter-not-certified", "energy-uncertain", "energy-window-short", "energy-not-covered"})


@dataclass(frozen=True)
class TermValue:
    """One term: the published value, and of the logarithms of its repetitions mean and variance of the mean.

    The mean is oriented: more is better. `resolution` is the variance δ²/12 that the steps of a search leave.
    """

    metric: str
    value: float
    mean: float
    variance: float
    repetitions: int
    resolution: float


def record_of(candidate: Candidate, address: Address, region: Region) -> Record | Remark:
    """The one record that an address means."""
    found = list(of_interest(candidate, address.workload, address.scenario, region))
    if not found:
        return Remark(code="no-record", subject=f"{address.workload}.{address.scenario}", seen=region)
    if len(found) > 1:
        names = ", ".join(record.measurement.precision for record in found)
        return Remark(code="several-precisions", subject=f"{address.workload}.{address.scenario}", seen=names)
    return found[0]


def term_value(candidate: Candidate, term: Term, policy: Policy) -> TermValue | Remark:
    """What the repetitions say of a term, or what is missing."""
    address = parsed(term.metric)
    record = record_of(candidate, address, term.timed_region)
    if isinstance(record, Remark):
        return record
    if (wrong := _unusable(record, address)) is not None:
        return wrong
    published = record.metrics[address.metric].value
    values = _repeated(candidate, record, address.metric)
    if published is None or len(values) < 2:
        return Remark(code="too-few-repetitions", subject=term.metric, seen=str(len(values)))
    strange = [value for value in (*values, published) if not LEAST <= value <= MOST]
    if strange:
        return Remark(code="not-positive", subject=term.metric, seen=f"{strange[0]:g}")
    scatter, sign = log_scatter_of(values), 1.0 if address.better == "higher" else -1.0
    return TermValue(
        metric=term.metric,
        value=published,
        mean=sign * (float(scatter.mean) - math.log(policy.reference.values[term.metric])),
        variance=float(scatter.deviation) ** 2 / len(values),
        repetitions=len(values),
        resolution=_resolution(record, address.metric, published) ** 2 / 12.0,
    )


def _unusable(record: Record, address: Address) -> Remark | None:
    """What keeps a record's figure from being scored."""
    name = record.measurement.name
    if not record.valid:
        return Remark(code="invalid", subject=name, seen=", ".join(error_codes(record.findings)) or record.status)
    if record.quality is None or record.quality.passed is not True:
        state = "failed" if record.quality is not None and record.quality.passed is False else "unverified"
        return Remark(code=f"quality-{state}", subject=name)
    figure = record.metrics.get(address.metric)
    if figure is None or figure.value is None:
        refused = figure.refusal.code if figure is not None and figure.refusal is not None else ""
        return Remark(code="no-value", subject=f"{name}.{address.metric}", seen=refused)
    uncertain = sorted({found.code for found in record.findings} & _UNCERTAIN_ENERGY)
    if address.metric == _WALL and uncertain:
        return Remark(code="energy-not-ranked", subject=name, seen=", ".join(uncertain))
    return None


def holds_q999(quality: Quality | None) -> bool | None:
    """Whether answers lose at most a thousandth of the reference's; None where the evaluation set cannot show it.

    As class q99 is judged, by the lower limit of the paired difference; a loss that is a tenth needs a hundred times as
    many samples. It is formed where each sample is an answer of its own, right or wrong: people and utterances are
    fewer than samples.
    """
    verdict = quality.verdict if quality is not None else None
    if quality is None or verdict is None or verdict.samples_needed is None or quality.metric != _BY_SAMPLE:
        return None
    if not quality.passed or not verdict.target_met:
        return quality.passed if quality.passed is None else False
    if verdict.counts.total < _TENTH_OF_A_LOSS * verdict.samples_needed:
        return None
    return verdict.difference.low > -(1.0 - Q999) * verdict.reference


def _repeated(candidate: Candidate, record: Record, metric: str) -> list[float]:
    """The values of the repetitions that the published figure comes from; older records do not hold them."""
    if record.repetitions:
        return list(record.repetitions.get(metric, ()))
    trials = scored(record, candidate.trials[record.measurement.name])
    figures = [trial.metrics.get(metric) for trial in trials]
    return [figure.value for figure in figures if figure is not None and figure.value is not None]


def _resolution(record: Record, metric: str, value: float) -> float:
    """δ of the logarithm: a camera more, or the step from the rate that held to the least that did not."""
    if metric == "channels":
        return math.log1p(1.0 / value)
    interval = record.metrics[metric].interval
    bracket = interval is not None and interval.kind == "bracket" and interval.low > 0.0
    return math.log(interval.high / interval.low) if interval is not None and bracket else 0.0


def gate_value(candidate: Candidate, address: Address, region: Region) -> tuple[float, Interval | None] | Remark:
    """Value and interval that a gate is held against, or why there is none. A void record has none."""
    record = record_of(candidate, address, region)
    if isinstance(record, Remark):
        return record
    if address.metric == QUALITY:
        if not record.valid:
            return Remark(code="invalid", subject=record.measurement.name)
        quality = record.quality
        if quality is None or quality.value is None:
            return Remark(code="quality-unverified", subject=record.measurement.name)
        return quality.value, quality.interval
    if (wrong := _unusable(record, address)) is not None:
        return wrong
    figure = record.metrics[address.metric]
    assert figure.value is not None
    return figure.value, figure.interval


def stacked(rows: list[list[TermValue]], name: str) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """One attribute of every term of every candidate, shape (candidates, terms)."""
    return np.array([[float(getattr(term, name)) for term in row] for row in rows], dtype=np.float64).reshape(
        len(rows), -1
    )
