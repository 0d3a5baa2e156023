"""A measurement over its repetitions: the published values with their intervals, and everything found.

See measurement.md section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal  # Any: values of fields

import msgspec

from bench.judging.attempts import attempts, carried, deciding, next_rate, values_of
from bench.judging.certified import nonce_findings
from bench.judging.devices import mean_shares
from bench.judging.hardware import hardware_findings
from bench.judging.roofline import roofline, roofline_findings
from bench.judging.serving import published
from bench.judging.state import slowed_s
from bench.records.division import division_of
from bench.records.effort import EFFORTS
from bench.records.findings import Finding, finding
from bench.records.hashing import record_hash
from bench.records.host import Host
from bench.records.job import Report, SearchReport
from bench.records.metrics import METRICS, PRIMARY
from bench.records.numbers import Interval, Measured, Refusal
from bench.records.plan import SEARCHED, Measurement, Mode, RunPlan
from bench.records.profile import Hardware
from bench.records.record import Nonce, Record, Trial
from bench.records.roofline import Cost
from bench.scoring.intervals import (
    look_confidence,
    relative_half_width,
    repetition_interval,
    repetition_value,
)

_P99 = "latency_p99_"


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What a measurement shares with all others of its run."""

    run_id: str
    suite_version: str
    plan: RunPlan
    host: Host
    suite_model_hash: str | None
    nonce: Nonce | None = None
    hardware: Hardware | None = None
    cost: Cost | None = None


def judge_record(
    setup: Setup,
    measurement: Measurement,
    trials: Sequence[Trial],
    complete: bool,
    searched: SearchReport | None = None,
) -> Record:
    """The record of one measurement from its trials; `complete` False when more repetitions were due."""
    plan, reports = setup.plan, [trial.report for trial in trials if trial.report is not None]
    last: Report | SearchReport | None = reports[-1] if reports else searched
    searched_for = measurement.scenario in SEARCHED
    tried = attempts(measurement, trials, plan.mode) if searched_for else ()
    # Of several rates that were tried the highest that held counts.
    scored = deciding(trials, tried) if searched_for else list(trials)
    whole = [trial for trial in scored if trial.status == "complete"]
    metrics = _over_repetitions(whole, plan.mode)
    search = searched.search if searched is not None else None
    found = _findings(measurement, scored, reports, metrics, plan.mode, complete)
    if searched_for:
        metrics, more = published(measurement, search, tried, metrics, plan.mode, complete)
        found = _distinct([*more, *found, *carried(trials, scored)])
    roof = roofline(measurement, metrics, last, setup.cost, setup.hardware)
    found = (*found, *nonce_findings(setup.nonce, plan.mode), *hardware_findings(setup.hardware, plan.mode))
    found = (*found, *roofline_findings(roof, plan.mode))
    first_quality = next((trial.quality for trial in trials if trial.quality is not None), None)
    median = _median_trial(scored, PRIMARY[measurement.scenario])
    return Record(
        suite_version=setup.suite_version,
        run_id=setup.run_id,
        status="complete" if complete else "partial",
        measurement=measurement,
        mode=plan.mode,
        backend=plan.backend,
        model_hash=last.model_hash if last else "",
        session_hash=last.session_hash if last else "",
        config_hash=_config_hash(setup, measurement, last),
        division=_division(setup, last, plan),
        settings=plan.settings,
        primary=PRIMARY[measurement.scenario],
        timed_region=measurement.timed_region,
        origin="synthetic" if _is_synthetic(last) else "measured",
        device=last.device if last else None,
        facts=last.facts if last else None,
        more_devices=last.more_devices if last else (),
        device_shares=mean_shares(scored),
        metrics=metrics,
        repetitions=values_of(whole),
        quality=first_quality,
        robustness=next((trial.robustness for trial in trials if trial.robustness is not None), None),
        findings=found,
        trials=tuple(f"trial-{trial.index:02d}" for trial in trials),
        search=search,
        attempts=tried,
        together=_together(measurement, median),
        nonce=setup.nonce,
        challenge=next((report.challenge for report in reports if report.challenge is not None), None),
        roofline=roof,
        **_of_median(median),
    )


class SearchDue(msgspec.Struct, frozen=True, kw_only=True):
    """The search for a rate comes next."""


class RepetitionDue(msgspec.Struct, frozen=True, kw_only=True):
    """A repetition comes next; in an open loop at `rate_per_s`."""

    rate_per_s: float | None = None


def next_step(
    measurement: Measurement, searched: SearchReport | None, trials: Sequence[Trial], mode: Mode
) -> SearchDue | RepetitionDue | None:
    """What a measurement does next; None when it is done."""
    if measurement.scenario not in SEARCHED:
        return (
            RepetitionDue(rate_per_s=given_rate(measurement, trials)) if needs_more(measurement, trials, mode) else None
        )
    if measurement.rate_per_s is None and searched is None and not trials:
        return SearchDue()
    rate = next_rate(measurement, searched.search if searched is not None else None, trials, mode)
    return None if rate is None else RepetitionDue(rate_per_s=rate)


def given_rate(measurement: Measurement, trials: Sequence[Trial]) -> float | None:
    """The rate of an open loop that is not searched for: all repetitions have that of the first."""
    return measurement.rate_per_s or (trials[0].rate_per_s if trials else None)


def needs_more(measurement: Measurement, trials: Sequence[Trial], mode: Mode) -> bool:
    """Whether another repetition is due: the next look is not reached, or its interval is too wide for the mode."""
    effort, done = EFFORTS[mode], sum(trial.status == "complete" for trial in trials)
    if done != len(trials):
        return False  # a failed repetition makes the measurement invalid; more of them would not mend it
    if done not in effort.repetitions:
        return done < effort.repetitions[-1]
    if done == effort.repetitions[-1] or effort.half_width is None:
        return False
    metric = PRIMARY[measurement.scenario]
    primary = _over_repetitions(trials, mode).get(metric)
    return primary is not None and primary.interval is not None and _too_wide(primary.interval, metric, mode)


def _over_repetitions(trials: Sequence[Trial], mode: Mode) -> dict[str, Measured]:
    if len(trials) <= 1:
        return dict(trials[0].metrics) if trials else {}
    return {name: _combine(name, [trial.metrics.get(name) for trial in trials], mode) for name in trials[0].metrics}


def _combine(name: str, figures: Sequence[Measured | None], mode: Mode) -> Measured:
    values = [figure.value for figure in figures if figure is not None and figure.value is not None]
    if len(values) < len(figures):
        refusals = [figure.refusal for figure in figures if figure is not None and figure.refusal is not None]
        return Measured(
            refusal=refusals[0] if refusals else Refusal(code="too-few-queries", seen=len(values), limit=len(figures))
        )
    # A share may be zero, where logarithms end; cameras are the same number in every repetition.
    if METRICS[name].unit in ("1", "channels") or min(values) <= 0:
        return Measured(value=sum(values) / len(values))
    looks = EFFORTS[mode].repetitions
    confidence = look_confidence(len(values)) if len(looks) > 1 and len(values) in looks else 0.95
    interval = repetition_interval(values, confidence)
    if isinstance(interval, Refusal):
        return Measured(value=repetition_value(values), interval_refusal=interval)
    return Measured(value=repetition_value(values), interval=interval)


def _findings(
    measurement: Measurement,
    trials: Sequence[Trial],
    reports: Sequence[Report],
    metrics: dict[str, Measured],
    mode: Mode,
    complete: bool,
) -> tuple[Finding, ...]:
    found = [entry for trial in trials for entry in trial.findings]
    failed = [trial for trial in trials if trial.failure is not None]
    found += [finding(trial.cause or "repetition-failed", mode, trial.failure) for trial in failed]
    effort, done = EFFORTS[mode], len(trials) - len(failed)
    # An open loop that is complete has as many as its verdict needed.
    if not complete or (done < effort.repetitions[0] and measurement.scenario not in SEARCHED):
        due = next((look for look in effort.repetitions if look > done), effort.repetitions[-1])
        found.append(finding("too-few-repetitions", mode, done, due))
    if len({report.session_hash for report in reports}) > 1:
        found.append(finding("engine-differs", mode, len({report.session_hash for report in reports}), 1))
    metric = PRIMARY[measurement.scenario]
    primary = metrics.get(metric)
    if primary is not None and primary.interval is not None and _too_wide(primary.interval, metric, mode):
        limit = _aimed_at(metric, mode)
        found.append(finding("interval-too-wide", mode, relative_half_width(primary.interval), limit))
    return _distinct(found)


def _distinct(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """One finding per code and subject, the most extreme one seen in any repetition."""
    kept: dict[tuple[str, str], Finding] = {}
    for entry in found:
        before = kept.get((entry.code, entry.subject))
        if before is None or _excess(entry) > _excess(before):
            kept[entry.code, entry.subject] = entry
    return tuple(kept.values())


def _excess(entry: Finding) -> float:
    """How far beyond its limit, on whichever side that lies."""
    if not isinstance(entry.seen, int | float):
        return 0.0
    return abs(entry.seen - (entry.limit if isinstance(entry.limit, int | float) else 0.0))


def _too_wide(interval: Interval, metric: str, mode: Mode) -> bool:
    limit = _aimed_at(metric, mode)
    return limit is not None and relative_half_width(interval) > limit


def _aimed_at(metric: str, mode: Mode) -> float | None:
    """The half width that a mode aims at: 99th percentiles have one of their own."""
    effort = EFFORTS[mode]
    if effort.half_width_p99 is not None and metric.startswith(_P99):
        return effort.half_width_p99
    return effort.half_width


def _median_trial(trials: Sequence[Trial], primary: str) -> Trial | None:
    """The trial whose primary value is the median one: its sketch stands for the measurement."""
    scored = [
        (figure.value, trial.index, trial)
        for trial in trials
        if (figure := trial.metrics.get(primary)) is not None and figure.value is not None
    ]
    if not scored:
        return next((trial for trial in trials if trial.sketch is not None), None)
    return sorted(scored, key=lambda entry: entry[:2])[len(scored) // 2][2]


def _of_median(trial: Trial | None) -> dict[str, Any]:
    """The fields of a record that are its median repetition's; none of them without one."""
    if trial is None:
        return {}
    found = {name: getattr(trial, name) for name in ("sketch", "curve", "lateness", "energy")}
    of_report = ("loadgen", "hand_over", "round_trip", "stages", "footage") if trial.report is not None else ()
    return found | {"slowed_s": slowed_s(trial)} | {name: getattr(trial.report, name) for name in of_report}


def _together(measurement: Measurement, trial: Trial | None) -> dict[str, float]:
    report = trial.report if trial is not None else None
    if report is None or report.rate_per_s is None or not report.beside:
        return {}
    return {measurement.workload: report.rate_per_s, **report.beside}


def _division(setup: Setup, report: Report | SearchReport | None, plan: RunPlan) -> Literal["closed", "open"]:
    return division_of(plan, report.model_hash if report is not None else None, setup.suite_model_hash)


def _is_synthetic(report: Report | SearchReport | None) -> bool:
    """Whether any engine says of itself that it makes its times up."""
    if report is None:
        return False
    return any(facts.synthetic for facts in (report.facts, *(one.facts for one in report.more_devices)))


def _config_hash(setup: Setup, measurement: Measurement, report: Report | SearchReport | None) -> str:
    others = {"more_devices": report.more_devices} if report and report.more_devices else {}
    return record_hash(
        {
            "host": setup.host,
            "device": report.device if report else None,
            **others,
            "session": report.session_hash if report else None,
            "serving": [
                measurement.batch,
                measurement.samples_per_query,
                measurement.workers,
                measurement.threads,
                measurement.max_wait_ns,
                measurement.latency_bound_ns,
                *(["own process"] if measurement.session_process == "own" else []),
                *([measurement.timed_region] if measurement.timed_region != "host_to_host" else []),
                *([sorted(measurement.beside.items())] if measurement.beside else []),
            ],
        }
    )
