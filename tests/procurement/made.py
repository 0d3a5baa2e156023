"""Made-up submissions: a kept run of the fake backend with other names and figures. Nothing here was measured."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.procurement.candidates import Candidate
from bench.records.findings import Finding
from bench.records.numbers import Interval, Measured
from bench.records.policy import Admission, Gate, Policy, Reference, Term
from bench.records.record import Quality, Record, Run, Trial
from bench.records.submission import Claims
from bench.records.versions import load
from bench.scoring.intervals import repetition_interval, repetition_value
from bench.store.runs import RunFolder

_KEPT = Path(__file__).parent.parent / "data" / "records" / "v1"
RUN, RECORD, TRIAL = (
    load(_KEPT / "run.json", Run),
    load(_KEPT / "record.json", Record),
    load(_KEPT / "trial.json", Trial),
)
OFFLINE, COMMAND = "image_classify.offline.samples_per_s", "speech_command.single_stream.latency_p90_ns"
DAY = datetime.date(2026, 11, 25)


def policy(**changes: object) -> Policy:
    """Two terms, one gate, everything admitted."""
    plain = Policy(
        name="made",
        round="2026",
        sector="made",
        title={"en": "Made", "zh": "虚构"},
        suite_version=RUN.suite_version,
        valid_from=datetime.date(2026, 1, 1),
        valid_until=datetime.date(2026, 12, 31),
        terms=(Term(metric=OFFLINE, weight=0.6), Term(metric=COMMAND, weight=0.4)),
        gates=(Gate(metric=COMMAND, op="<=", limit=20.0, unit="ms"),),
        admission=Admission(modes=("standard",)),
        reference=Reference(system="constants", values={OFFLINE: 100.0, COMMAND: 1e7}),
        pareto=(OFFLINE, COMMAND),
    )
    return msgspec.structs.replace(plain, **changes)


def toml_of(made: Policy) -> str:
    """The file of a policy without gates."""
    plain = msgspec.to_builtins(made)
    lines = [f"{key} = {json.dumps(value)}" for key, value in plain.items() if isinstance(value, str | int | float)]
    dated = [line.replace('"', "") if line.startswith("valid_") else line for line in lines]
    tables = [f"title = {{ en = {json.dumps(plain['title']['en'])}, zh = {json.dumps(plain['title']['zh'])} }}"]
    tables += ["[admission]", 'modes = ["standard"]', "[reference]", 'system = "constants"', "[reference.values]"]
    tables += [f'"{metric}" = {value}' for metric, value in plain["reference"]["values"].items()]
    for term in plain["terms"]:
        tables += ["[[terms]]", f"metric = {json.dumps(term['metric'])}", f"weight = {term['weight']}"]
    return "\n".join([*dated, *tables])


def record(address: str, values: Sequence[float], held: bool = True, **changes: object) -> tuple[Record, list[Trial]]:
    """A valid record of passed quality, and its repetitions; not `held`, as it was written before records held them."""
    workload, scenario, metric = address.split(".")
    measurement = msgspec.structs.replace(RECORD.measurement, workload=workload, scenario=scenario)
    quality = Quality(
        metric="top1",
        samples=100,
        evaluation_samples=100,
        value=0.97,
        interval=Interval(low=0.96, high=0.98, confidence=0.95, kind="wilson"),
        passed=True,
    )
    interval = repetition_interval(values) if len(values) > 1 and min(values) > 0 else None
    value = repetition_value(values) if min(values) > 0 else float(np.mean(values))
    figure = Measured(value=value, interval=interval if isinstance(interval, Interval) else None)
    made = msgspec.structs.replace(
        RECORD,
        measurement=measurement,
        metrics={metric: figure},
        repetitions={metric: tuple(values)} if held else {},
        quality=quality,
        findings=(),
        mode="standard",
    )
    trials = [
        msgspec.structs.replace(TRIAL, index=index, metrics={metric: Measured(value=value)}, findings=())
        for index, value in enumerate(values)
    ]
    return msgspec.structs.replace(made, **changes), trials


def candidate(
    number: int,
    figures: Mapping[str, Sequence[float]],
    formal: bool = True,
    changes: Mapping[str, object] | None = None,
    **claims: str,
) -> Candidate:
    """A submission of its own configuration; `changes` go to all of its records."""
    made = {address: record(address, values, **(changes or {})) for address, values in figures.items()}
    records = {
        one.measurement.name: msgspec.structs.replace(one, config_hash=f"sha256:{number}") for one, _ in made.values()
    }
    run = msgspec.structs.replace(
        RUN,
        run_id=f"20261120T0000{number % 60:02d}Z-{number:04x}",
        started_at="2026-11-20T00:00:00+00:00",
        plan=msgspec.structs.replace(RUN.plan, mode="standard"),
    )
    return Candidate(
        source=f"{number}.tar",
        run=run,
        records=records,
        trials={one.measurement.name: trials for one, trials in made.values()},
        claims={
            name: Claims(
                measurement=name,
                division="closed",
                attestation="attested" if formal else "self",
                origin=claims.get("origin", "measured"),  # type: ignore[arg-type]
            )
            for name in records
        },
        archive_sha256="0" * 64 if formal else None,
        verified=True if formal else None,
    )


def drawn(seed: int, speed: float = 1.0, k: int = 5, scatter: float = 0.005) -> dict[str, list[float]]:
    """Figures of a system that is `speed` times as fast as the reference in both terms."""
    rng = np.random.default_rng(seed)
    noise = np.exp(scatter * rng.normal(size=(2, k)))
    return {OFFLINE: (100.0 * speed * noise[0]).tolist(), COMMAND: (1e7 / speed * noise[1]).tolist()}


def folder_of(made: Candidate, place: Path) -> Path:
    """The submission as a kept run in a folder."""
    names = [one.measurement for one in made.records.values()]
    kept = RunFolder(place / made.run.run_id)
    kept.keep_run(msgspec.structs.replace(made.run, measurements=tuple(names)))
    for one in made.records.values():
        kept.keep_record(one)
        for trial in made.trials[one.measurement.name]:
            kept.trial(one.measurement.name, trial.index).mkdir(parents=True)
            kept.keep_trial(one.measurement.name, trial)
    return kept.path


VOID = Finding(code="overloaded", severity="error", seen=0.5, limit=0.995)
