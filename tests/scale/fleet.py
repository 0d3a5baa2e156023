"""A simulated fleet: timelines of every node by the real driver; scored, judged, kept, asked and ranked for real.

`python -m tests.scale.fleet --nodes 1000` prints what each step took. Real: the driver's loop
on the fake backend's sessions, timelines, scoring, findings, records, files, index and list. Not real: all nodes are
processes of this machine, and share one while they drive; no child is started per repetition, so that there is no
warm-up, no evaluation set (the quality in the records is made up) and no look at the machine; no network between them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np

from bench.backends.base import Model, Options
from bench.backends.fake import BACKEND
from bench.judging.record import Setup, judge_record
from bench.judging.trial import score_trial, trial_findings
from bench.loadgen.driver import drive
from bench.loadgen.lane import Closed, Lane
from bench.loadgen.outputs import OutputRing, SecretSample
from bench.loadgen.samples import LoadedSet
from bench.loadgen.schedule import columns_of
from bench.loadgen.timeline import Timeline, in_memory
from bench.procurement.candidates import read
from bench.procurement.listing import listing
from bench.records.job import Report
from bench.records.listing import Listing
from bench.records.record import Run, Trial
from bench.scoring.columns import Columns, latencies
from bench.scoring.many import Many, score_many
from bench.scoring.ragged import Ragged
from bench.store.index import INDEX, refreshed
from bench.store.runs import RunFolder
from bench.store.timeline_file import TIMELINE, sample_table, write_timeline

from ..fixtures import FACTS, HOST, REPORT, measurement
from ..perf.null_system import INPUT, OUTPUT
from ..procurement.made import COMMAND, DAY, RECORD, RUN, Term, policy, record

REPETITIONS, QUERIES = 5, 700  # p99 needs 662
_MEASUREMENT = measurement(workload="speech_command", load_samples=64)
# What follows from so short a repetition, and from nothing that a fleet does.
_SHORT = frozenset({"too-short", "interval-not-supported"})


@dataclass
class Costs:
    """What each step took: seconds of the clock and of the processor, by the name of the step."""

    seconds: dict[str, tuple[float, float]] = field(default_factory=dict)

    @contextmanager
    def of(self, step: str) -> Iterator[None]:
        clock, processor = time.perf_counter(), _processor_s()
        yield
        self.seconds[step] = (time.perf_counter() - clock, _processor_s() - processor)


@dataclass(frozen=True)
class Fleet:
    """What came of it."""

    costs: Costs
    bytes_by_kind: dict[str, int]
    scored: Many
    trials: list[Trial]
    made: Listing
    figures: int


def driven(node: int, place: Path) -> list[tuple[Timeline, Report]]:
    """The repetitions of one node, whose scripted delay is its own; their timelines are kept, as a node does."""
    delay_us = 20.0 * float(np.exp(0.3 * np.random.default_rng(node).normal()))
    model = Model(path=Path("none.onnx"), inputs=(INPUT,), outputs=(OUTPUT,))
    settings = {"answers": "zeros", "delay_us": delay_us}
    options = Options(precision="fp32", max_batch=1, workers=1, threads=1, settings=settings)
    session = BACKEND.compile(model, BACKEND.devices()[0], options).open(0)
    found = []
    for repetition in range(REPETITIONS):
        samples = LoadedSet({"x": np.zeros((64, 4), np.float32)}, 1, seed=repetition)
        lane = Lane(issue=Closed(), samples=samples, sessions=(session,), rings=(OutputRing([OUTPUT], 1),))
        timeline = in_memory(QUERIES)
        ran = drive(lane, timeline, SecretSample(QUERIES, 1, seed=3))
        facts = msgspec.structs.replace(FACTS, synthetic=True)
        changes = {"facts": facts, "t0_ns": ran.t0_ns, "elapsed_ns": ran.elapsed_ns, "rows": QUERIES}
        found.append((timeline, msgspec.structs.replace(REPORT, **changes)))
        folder = RunFolder.of(place, _run_id(node)).start_trial(_MEASUREMENT.name, repetition)
        columns = columns_of(timeline, _MEASUREMENT, ran.t0_ns)
        write_timeline(folder / TIMELINE, sample_table(columns, np.zeros((QUERIES, 1), np.int64)))
    return found


def _run_id(node: int) -> str:
    return f"20261120T000000Z-{node:04x}"


def simulated(nodes: int, place: Path, workers: int) -> Fleet:
    """A fleet from end to end; its runs are kept under `place`."""
    costs = Costs()
    with costs.of("drive, and keep timelines"), ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        repetitions = [
            one for node in pool.map(partial(driven, place=place), range(nodes), chunksize=4) for one in node
        ]
    with costs.of("columns"):
        columns = [columns_of(timeline, _MEASUREMENT, report.t0_ns) for timeline, report in repetitions]
    with costs.of("score all timelines at once"):
        scored = _scored(columns)
    with costs.of("score and judge each run"):
        trials = [_trial(number, one, repetitions[number][1]) for number, one in enumerate(columns)]
        runs = [_run(node, trials[node * REPETITIONS : (node + 1) * REPETITIONS]) for node in range(nodes)]
    with costs.of("keep records"):
        folders = [_kept(place, run, trials[node * REPETITIONS :][:REPETITIONS]) for node, run in enumerate(runs)]
    with costs.of("index and ask"):
        connection, broken = refreshed(place)
        ((figures,),) = connection.execute("SELECT count(*) FROM figures").fetchall()
        assert not broken, broken
    with costs.of("read and rank"):
        rules = policy(terms=(Term(metric=COMMAND, weight=1.0),), pareto=())
        made = listing(rules, "0" * 64, [read(folder.path, None) for folder in folders], DAY, {})
    return Fleet(costs, _bytes(place), scored, trials, made, figures)


def _scored(columns: Sequence[Columns]) -> Many:
    latency = Ragged.of([latencies(one.scheduled_ns, one.ended_ns, one.status) for one in columns])
    start = np.array([int(one.scheduled_ns.min()) for one in columns])
    return score_many(latency, np.concatenate([one.ended_ns for one in columns]), start)


def _trial(number: int, columns: Columns, report: Report) -> Trial:
    score = score_trial(columns, _MEASUREMENT)
    found = trial_findings(columns, score, report, _MEASUREMENT, "standard")
    return Trial(
        index=number % REPETITIONS,
        status="complete",
        started_at=RUN.started_at,
        seed=number,
        report=report,
        elapsed_s=columns.elapsed_ns / 1e9,
        metrics=score.metrics,
        sketch=score.sketch,
        findings=tuple(one for one in found if one.code not in _SHORT),
    )


def _run(node: int, trials: list[Trial]) -> tuple[Run, object]:
    host = msgspec.structs.replace(HOST, cpu_model=f"node {node}")
    plan = msgspec.structs.replace(
        RUN.plan, mode="standard", workloads=("speech_command",), scenarios=("single_stream",)
    )
    setup = Setup(run_id=_run_id(node), suite_version=RUN.suite_version, plan=plan, host=host, suite_model_hash=None)
    judged = judge_record(setup, _MEASUREMENT, trials, complete=True)
    made_up, _ = record(COMMAND, [1.0, 1.0])
    kept = msgspec.structs.replace(judged, quality=made_up.quality)
    started = "2026-11-20T00:00:00+00:00"
    run = msgspec.structs.replace(
        RUN, run_id=_run_id(node), started_at=started, plan=plan, host=host, measurements=(_MEASUREMENT,)
    )
    return run, kept


def _kept(place: Path, run: tuple[Run, object], trials: Sequence[Trial]) -> RunFolder:
    folder = RunFolder.of(place, run[0].run_id)
    folder.keep_run(run[0])
    for trial in trials:
        folder.keep_trial(_MEASUREMENT.name, trial)
    assert isinstance(run[1], type(RECORD))
    folder.keep_record(run[1])
    folder.keep_run(run[0])
    return folder


def _bytes(place: Path) -> dict[str, int]:
    """Bytes by the name of the file."""
    found: dict[str, int] = {INDEX: (place / INDEX).stat().st_size}
    for file in place.glob("runs/*/**/*"):
        if file.is_file():
            found[file.name] = found.get(file.name, 0) + file.stat().st_size
    return found


def _processor_s() -> float:
    """Of this process and of all that it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("--nodes", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=4 * (os.cpu_count() or 1))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        begin = time.perf_counter()
        fleet = simulated(asked.nodes, Path(place), asked.workers)
        places = [row.place.place for row in fleet.made.rows if row.place is not None]
        told = {
            "nodes": asked.nodes,
            "timelines": len(fleet.trials),
            "queries": len(fleet.trials) * QUERIES,
            "figures": fleet.figures,
            "ranked": len(places),
            "wall_s": round(time.perf_counter() - begin, 1),
            "steps_wall_and_processor_s": {
                step: [round(one, 2) for one in took] for step, took in fleet.costs.seconds.items()
            },
            "bytes": fleet.bytes_by_kind,
        }
        sys.stdout.write(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
