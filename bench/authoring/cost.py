"""What a sample costs a processor, taken from a kept run of the reference engine and stored beside its answers."""

from __future__ import annotations

from pathlib import Path

import msgspec

from bench.models.cpu_cost import DEVICE, ENGINE, FILE, PRECISION, SCENARIO, CpuCost
from bench.models.suite import SuiteWorkload, load_workload
from bench.records.findings import error_codes
from bench.records.record import Record, Run, Trial
from bench.store.files import write_bytes
from bench.store.runs import RunFolder

_REPETITIONS = 5
# What is found of a throughput's interval and of time on the clock says nothing of processor time.
_OF_TIME = ("too-few-repetitions", "too-short", "not-steady")
_METRIC = "host_cpu_per_sample_ns"


class NoCost(ValueError):
    """A run that no cost can be taken from; one line."""


def store_costs(folder: RunFolder) -> dict[Path, CpuCost]:
    """Write `cpu.json` of every workload of the run, and return what was written, by file.

    Raises NoCost where a record is not what a cost is taken from, before anything is written; and as the store.
    """
    run, records = folder.load_run(), folder.load_records()
    if not records:
        raise NoCost(f"{folder.path}: nothing was measured there yet.")
    costs = {}
    for record in records:
        if said := _unfit(record):
            raise NoCost(f"{record.measurement.name} of {folder.path.name} {said}; {_how(record.measurement.workload)}")
        file = _file(record.measurement.workload)
        costs[file] = cost_of_record(run, record, folder.load_trials(record.measurement.name))
    for file, cost in costs.items():
        write_bytes(file, msgspec.json.format(msgspec.json.encode(cost), indent=2) + b"\n")
    return costs


def cost_of_record(run: Run, record: Record, trials: list[Trial]) -> CpuCost:
    """The cost that a fit record says; its interval is over the repetitions."""
    figure, facts = record.metrics[_METRIC], record.facts
    assert figure.value is not None
    assert figure.interval is not None
    assert facts is not None
    shares = [trial.report.noise.foreign_cpu_share for trial in trials if trial.report is not None]
    return CpuCost(
        seconds=figure.value * 1e-9,
        low=figure.interval.low * 1e-9,
        high=figure.interval.high * 1e-9,
        repetitions=len(trials),
        engine=facts.engine,
        engine_version=facts.engine_version,
        batch=record.measurement.batch,
        threads=record.measurement.threads,
        model_hash=record.model_hash,
        cpu_model=run.host.cpu_model,
        cores_usable=run.host.cores_usable,
        virtualised=run.host.virtualised,
        kernel=run.host.kernel,
        measured_at=run.started_at,
        foreign_cpu_share=max((share for share in shares if share is not None), default=None),
    )


def _unfit(record: Record) -> str:
    """Why no cost can be taken from it, as the rest of a sentence; empty where one can."""
    asked, device = record.measurement, record.device
    if device is None or (record.backend, device.kind) != (ENGINE, DEVICE):
        return f"ran on {record.backend}, {device.kind if device is not None else 'no device'}"
    if (asked.precision, asked.scenario) != (PRECISION, SCENARIO) or asked.timed_region != "host_to_host":
        return f"is {asked.scenario} in {asked.precision}, {asked.timed_region}"
    if (asked.workers, asked.threads) != (1, 1):
        # Threads that wait for each other spin, and that is no cost of the sample.
        return f"ran on {asked.workers} workers of {asked.threads} threads"
    if voids := [code for code in error_codes(record.findings) if code not in _OF_TIME]:
        return f"is not valid ({', '.join(voids)})"
    if len(record.trials) < _REPETITIONS:
        return f"has {len(record.trials)} repetitions, and a cost needs {_REPETITIONS}"
    figure = record.metrics.get(_METRIC)
    if figure is None or figure.value is None or figure.interval is None:
        return f"has no interval over repetitions in mode {record.mode}"
    return "" if record.division == "closed" else "ran another network than the suite's"


def _how(workload: str) -> str:
    return (
        f"a cost is taken from `bench run --mode standard --workload {workload} --scenario {SCENARIO} --threads 1` "
        f"with {ENGINE} on a {DEVICE} in {PRECISION}."
    )


def _file(name: str) -> Path:
    workload = load_workload(name)
    assert isinstance(workload, SuiteWorkload)
    return workload.reference_folder / FILE
