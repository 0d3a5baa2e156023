"""Runs of many systems, as `bench run` leaves them: written by hand, with values that scatter by a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec

from bench.pages.site.gathering import gathered
from bench.pages.site.writing import write_site
from bench.records.findings import Finding
from bench.records.host import Device
from bench.records.metrics import METRICS, PRIMARY
from bench.records.numbers import CurvePoint, Measured
from bench.records.plan import Mode, Scenario
from bench.records.record import Record, Trial
from bench.store.runs import RunFolder, find_record
from tests.report import samples

replace = msgspec.structs.replace
WORKLOADS = ("image_classify", "speech_command")
SCENARIOS: tuple[Scenario, ...] = ("single_stream", "offline")
_SPREAD = 0.004
# What a system of speed 1 reaches, in the unit of the metric.
_TYPICAL = {"ns": 30e6, "1/s": 800.0, "channels": 12.0}


def kept_system(
    results: Path,
    number: int,
    workloads: Sequence[str] = WORKLOADS,
    scenarios: Sequence[Scenario] = SCENARIOS,
    speed: float = 1.0,
    repetitions: int = 5,
    queries: int = 1_000_000,
) -> str:
    """A run in mode standard of system `number`, so many times as fast as the first; returns its id."""
    dice, run_id = Random(number), f"20260101T0000{number:02d}Z-{number:04x}"
    made = [
        _measured(run_id, workload, scenario, speed, repetitions, queries, dice)
        for workload in workloads
        for scenario in scenarios
    ]
    run = samples.run([record for record, _ in made], mode="standard")
    host = replace(run.host, cpu_model=f"Processor {number}", kernel=f"6.{number}", packages={"numpy": f"2.{number}"})
    folder = RunFolder.of(results, run_id)
    folder.keep_run(replace(run, run_id=run_id, host=host))
    for record, trials in made:
        for trial in trials:
            folder.keep_trial(record.measurement.name, trial)
        folder.keep_record(record)
    return run_id


def _measured(
    run_id: str, workload: str, scenario: Scenario, speed: float, repetitions: int, queries: int, dice: Random
) -> tuple[Record, list[Trial]]:
    record, primary = _like(scenario, workload), PRIMARY[scenario]
    names = dict.fromkeys([primary, *record.metrics])
    values = {name: [_value(name, speed, dice) for _ in range(repetitions)] for name in names}
    sketch = samples.sketch("service_ns" if scenario == "offline" else "latency_ns", queries)
    trials = [
        Trial(
            index=i,
            status="complete",
            started_at="2026-01-01T00:00:00+00:00",
            seed=i,
            metrics={name: Measured(value=found[i]) for name, found in values.items()},
            sketch=sketch,
            quality=samples.quality(),
        )
        for i in range(repetitions)
    ]
    names_of_trials = tuple(f"trial-{i:02d}" for i in range(repetitions))
    figures = {name: samples.measured(sum(found) / len(found), "repetitions-t") for name, found in values.items()}
    return replace(
        record, run_id=run_id, metrics=figures, trials=names_of_trials, sketch=sketch, primary=primary
    ), trials


def _like(scenario: Scenario, workload: str) -> Record:
    """A record of any scenario, with a bound where it has one, and a curve where it is a ramp."""
    base = samples.record("offline" if scenario == "offline" else "single_stream", workload, mode="standard")
    bound = 100_000_000 if scenario in ("server", "ramp", "streams") else None
    asked = replace(base.measurement, scenario=scenario, latency_bound_ns=bound)
    curve = tuple(_step(100.0 * i) for i in range(1, 13)) if scenario == "ramp" else ()
    return replace(base, measurement=asked, curve=curve, device=Device(kind="cpu", title="AMD EPYC"))


def _step(offered: float) -> CurvePoint:
    return CurvePoint(
        offered_per_s=offered,
        queries=int(offered * 10),
        completed_per_s=min(offered, 900.0),
        goodput_per_s=min(offered, 800.0),
        latency_mean_ns=9e6,
        latency_p50_ns=8e6,
        latency_p99_ns=20e6 * (1.0 + offered / 300.0),
    )


def _value(name: str, speed: float, dice: Random) -> float:
    metric = METRICS.get(name)
    if metric is None or metric.unit not in _TYPICAL:
        return 0.0
    typical = _TYPICAL[metric.unit]
    return (typical * speed if metric.better == "higher" else typical / speed) * dice.lognormvariate(0.0, _SPREAD)


def kept_records(
    results: Path, number: int, records: Sequence[Record], mode: Mode = "standard", cpu: str | None = None
) -> str:
    """A run of records made by hand, each with the repetitions that it names; returns its id."""
    run_id = f"20260102T0000{number:02d}Z-{number:04x}"
    folder, run = RunFolder.of(results, run_id), samples.run(list(records), mode)
    host = replace(run.host, cpu_model=cpu or f"Processor {number}")
    folder.keep_run(replace(run, run_id=run_id, host=host))
    for record in records:
        for index in range(len(record.trials)):
            trial = Trial(
                index=index,
                status="complete",
                started_at="2026-01-02T00:00:00+00:00",
                seed=index,
                metrics=record.metrics,
            )
            folder.keep_trial(record.measurement.name, trial)
        folder.keep_record(replace(record, run_id=run_id))
    return run_id


HOSTILE = (
    "</script><script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "\u202egnp.exe\u2066",
    "<img src=x onerror=alert(1)>",
    "]]>--><style>*{display:none}</style>",
)
LONG = "x" * 10_000


def hostile(results: Path, number: int) -> str:
    """A system of which every text tries to be more than text."""
    script, formula, turned, image, style = HOSTILE
    base = samples.record("offline", workload=script.replace("/", "\\"), mode="standard")
    assert base.facts is not None
    record = replace(
        base,
        backend=formula,
        device=Device(kind=turned, title=image),
        facts=replace(base.facts, engine=style, engine_version=LONG, driver_version=script, applied={formula: LONG}),
        settings={formula: script, turned: LONG},
        metrics={**base.metrics, formula: samples.measured(3.0), script: samples.measured(4.0)},
        findings=(Finding(code=script, severity="warning", seen=image, subject=turned),),
        model_hash=LONG,
    )
    other = replace(samples.record("single_stream", mode="standard"), backend=formula, device=record.device)
    return kept_records(results, number, [record, other], cpu=f"{formula}{script}{LONG}")


def mixed(results: Path) -> list[str]:
    """Three sound systems, one that is void and unfinished in parts, one measured quickly, and a hostile one."""
    sound = [kept_system(results, number, speed=speed) for number, speed in ((1, 1.0), (2, 1.1), (3, 1.001))]
    void = kept_records(results, 4, [samples.invalid(), samples.partial(), samples.failed()])
    quick = kept_records(results, 5, [samples.record(), samples.record("offline")], mode="quick")
    return [*sound, void, quick, hostile(results, 6)]


def site_of(results: Path, arguments: Sequence[str], folder: Path, lang: str = "en") -> Path:
    """The site of runs in `results`; returns its folder."""
    write_site(gathered([(find_record(argument, results), argument) for argument in arguments]), folder, lang)
    return folder
