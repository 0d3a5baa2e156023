"""One measured run of a system by one driver, in a process of its own: `python -m tests.agreement.one_run ASKED.json`.

Both drivers are those of a repetition, on a lane made as a repetition makes it. Each tells the figures that it would
publish: ours from its timeline, LoadGen's from its own log.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Literal

import msgspec
import numpy as np

from bench.backends.base import Options
from bench.backends.registry import load_backend
from bench.loadgen.driver import drive
from bench.loadgen.lane import AllDue, Closed, Lane, Scheduled
from bench.loadgen.mlperf.issued import read_issued
from bench.loadgen.mlperf.measure import drive_by_loadgen
from bench.loadgen.mlperf.request import capacity
from bench.loadgen.outputs import OutputRing, SecretSample
from bench.loadgen.samples import LoadedSet
from bench.loadgen.schedule import columns_of, open_loop_columns
from bench.loadgen.timeline import Timeline, create, in_memory, used
from bench.models.suite import load_workload
from bench.records.effort import Effort
from bench.records.job import Job
from bench.records.loadgen import Driver
from bench.records.plan import Measurement, Scenario
from bench.scoring.columns import latencies, per_query
from bench.scoring.server import each_query

ROOT = Path(__file__).parent.parent.parent
System = Literal["null", "sleep", "speech_command"]
# What LoadGen's percentiles are called; of `multi_stream` those of whole queries count.
_PERCENTILES = {"p50_ns": "50.00", "p90_ns": "90.00", "p99_ns": "99.00"}
_WARM_UP_S = 0.3
Figures = dict[str, float]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A run: `rows` batches (`server`: queries) of a system; `sleep` answers zeros after `sleep_us` per batch."""

    system: System
    scenario: Scenario
    rows: int
    batch: int = 1
    samples_per_query: int = 1
    rate_per_s: float | None = None
    sleep_us: float = 1000.0
    load_samples: int = 64


def figures_of(asked: Asked, driver: Driver, folder: Path, arrivals: Path | None = None) -> Figures:
    """Run it in a fresh process that works in `folder`; `server` by our driver gets LoadGen's `arrivals`."""
    folder.mkdir(parents=True)
    places = {"folder": str(folder), "arrivals": str(arrivals or "")}
    told = {"asked": msgspec.to_builtins(asked), "driver": driver, **places}
    (folder / "asked.json").write_text(json.dumps(told))
    command = [sys.executable, "-m", "tests.agreement.one_run", str(folder / "asked.json")]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def run(asked: Asked, driver: Driver, folder: Path, arrivals: str) -> Figures:
    """Open, warm up, and measure `asked` here."""
    lane = _lane(asked)
    _warm_up(lane)
    measurement, open_loop = _measurement(asked, driver), asked.scenario == "server"
    secret = SecretSample(asked.rows, asked.batch, seed=3)
    if driver == "loadgen":
        timeline = create(folder / "columns", capacity(measurement, asked.rows), open_loop)
        _, _, report = drive_by_loadgen(_job(asked, measurement, folder), lane, asked.rows, timeline, secret)
        return _loadgen_figures(report.figures, asked)
    timeline = in_memory(asked.rows, open_loop)
    if not open_loop:
        return _our_figures(timeline, measurement, drive(lane, timeline, secret).t0_ns)
    due_ns = read_issued(Path(arrivals)).due_ns
    assert due_ns is not None
    t0_ns = drive(msgspec.structs.replace(lane, issue=Scheduled(times_ns=due_ns)), timeline, secret).t0_ns
    queries = each_query(open_loop_columns(used(timeline), due_ns, t0_ns), due_ns)
    return _percentiles(queries.ended_ns - queries.scheduled_ns)


def _lane(asked: Asked) -> Lane:
    workload = load_workload("speech_command")
    model, name, settings = workload.model(), "fake", {"answers": "zeros"}
    if asked.system == "speech_command":
        name, settings = "onnxruntime", {}
    if asked.system == "sleep":
        settings["delay_us"] = asked.sleep_us  # type: ignore[assignment]
    backend = load_backend(name)
    options = Options(
        precision="fp32",
        max_batch=asked.batch,
        workers=1,
        threads=1,
        settings=settings,  # type: ignore[arg-type]
        varying_batch=asked.scenario == "server" and asked.batch > 1,
    )
    session = backend.compile(model, backend.devices()[0], options).open(0)
    closed = Closed(rows_per_query=asked.samples_per_query // asked.batch)
    return Lane(
        issue=AllDue() if asked.scenario in ("offline", "server") else closed,
        samples=LoadedSet(workload.load_inputs(asked.load_samples, seed=1), asked.batch, seed=1),
        sessions=(session,),
        rings=(OutputRing(model.outputs, asked.batch),),
    )


def _warm_up(lane: Lane) -> None:
    # By the clock on the wall: a system that does nothing would take thousands of drives to work for this long.
    rows, until = lane.whole_queries(10), perf_counter() + _WARM_UP_S
    while perf_counter() < until:
        drive(lane, in_memory(rows))


def _measurement(asked: Asked, driver: Driver) -> Measurement:
    return Measurement(
        workload="speech_command",
        scenario=asked.scenario,
        precision="fp32",
        batch=asked.batch,
        samples_per_query=asked.samples_per_query,
        workers=1,
        threads=1,
        load_samples=asked.load_samples,
        quality_samples=0,
        rate_per_s=asked.rate_per_s,
        latency_bound_ns=1_000_000_000 if asked.scenario == "server" else None,
        driver=driver,
    )


def _job(asked: Asked, measurement: Measurement, folder: Path) -> Job:
    # No least duration: both drivers run exactly `rows`.
    effort = Effort(repetitions=(1,), duration_s=0.0, longest_s=1e3, window_s=0.0, window_batches=1, half_width=None)
    return Job(
        measurement=measurement,
        backend="fake",
        device="cpu",
        effort=effort,
        seed=11,
        quality=False,
        rate_per_s=asked.rate_per_s,
        folder=str(folder),
    )


def _our_figures(timeline: Timeline, measurement: Measurement, t0_ns: int) -> Figures:
    columns = columns_of(timeline, measurement, t0_ns)
    if measurement.scenario == "offline":
        return {"sample_ns": columns.elapsed_ns / (columns.rows * measurement.batch)}
    queries = per_query(columns)
    return _percentiles(latencies(queries.started_ns, queries.ended_ns, queries.status))


def _percentiles(latency: np.ndarray) -> Figures:
    """As LoadGen takes them, sorted[floor(n p)]."""
    ordered = np.sort(latency)
    return {name: float(ordered[int(len(ordered) * float(p) / 100)]) for name, p in _PERCENTILES.items()}


def _loadgen_figures(figures: dict[str, float], asked: Asked) -> Figures:
    if asked.scenario == "offline":
        return {"sample_ns": 1e9 / figures["result_samples_per_second"]}
    kind = "_per_query" if asked.scenario == "multi_stream" else ""
    return {name: figures[f"result_{p}_percentile{kind}_latency_ns"] for name, p in _PERCENTILES.items()}


def main(path: str) -> None:
    told = json.loads(Path(path).read_text())
    figures = run(msgspec.convert(told["asked"], Asked), told["driver"], Path(told["folder"]), told["arrivals"])
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
