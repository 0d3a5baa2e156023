"""Runs written by hand: a record of each scenario with the values that a test asks for, as `bench run` leaves them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from bench.records.metrics import PRIMARY
from bench.records.numbers import Measured
from bench.records.plan import Scenario
from bench.records.record import Record, Trial
from bench.store.runs import RunFolder
from tests.report import samples

replace = msgspec.structs.replace
Values = Mapping[str, Sequence[float]]


def kept_run(
    results: Path,
    values: Mapping[Scenario, Values | Sequence[float]],
    run_id: str = "20260101T000000Z-abcd",
    more: Mapping[str, object] | None = None,
    cpu: str = "AMD EPYC",
) -> Path:
    """A run of one record per scenario in mode standard; the values of each repetition by metric, or of the primary.

    `more` are fields of the records.
    """
    folder = RunFolder.of(results, run_id)
    records = [_record(scenario, _by_metric(scenario, found), run_id, more or {}) for scenario, found in values.items()]
    run = samples.run([record for record, _ in records], mode="standard")
    run = replace(run, run_id=run_id, host=replace(run.host, cpu_model=cpu))
    folder.keep_run(run)
    for record, trials in records:
        for trial in trials:
            folder.keep_trial(record.measurement.name, trial)
        folder.keep_record(record)
    return folder.path


def _by_metric(scenario: Scenario, found: Values | Sequence[float]) -> Values:
    return found if isinstance(found, Mapping) else {PRIMARY[scenario]: found}


def _record(scenario: Scenario, values: Values, run_id: str, more: Mapping[str, object]) -> tuple[Record, list[Trial]]:
    count = max(len(found) for found in values.values())
    trials = [
        Trial(
            index=i,
            status="complete",
            started_at="2026-01-01T00:00:00+00:00",
            seed=i,
            metrics={name: Measured(value=found[i]) for name, found in values.items() if i < len(found)},
        )
        for i in range(count)
    ]
    record = samples.record(scenario, mode="standard")
    figures = {name: Measured(value=sum(found) / len(found)) for name, found in values.items()}
    record = replace(
        record, run_id=run_id, metrics=figures, trials=tuple(f"trial-{i:02d}" for i in range(count)), **more
    )
    return record, trials
