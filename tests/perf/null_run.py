"""One run of a system that does nothing, by our driver or by LoadGen, in a process of its own: LoadGen needs a new one.

`python -m tests.perf.null_run DRIVER SCENARIO COUNT RATE` prints one JSON object: ns per query, p50 and p99 of the
latency in ns, samples per second, whatever the scenario has, and the highest resident memory in bytes. DRIVER is
`bench`, `loadgen`, or `loadgen-traced`: with its trace, as LoadGen comes; without it no query's own time is left.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np

from bench.loadgen.arrivals import poisson_ns
from bench.loadgen.driver import drive
from bench.loadgen.lane import AllDue, Closed, Scheduled
from bench.loadgen.mlperf.logs import read_detail
from bench.loadgen.mlperf.request import Request
from bench.loadgen.mlperf.session import Complete, Issue, run_test
from bench.loadgen.outputs import SecretSample
from bench.loadgen.schedule import open_loop_columns
from bench.loadgen.timeline import in_memory, used
from bench.loadgen.witness import Witness
from bench.scoring.server import each_query

from .null_system import lane

ROOT = Path(__file__).parent.parent.parent
BATCH = 256  # of `offline`
Scenario = Literal["single_stream", "server", "offline"]
Figures = dict[str, float]


def run_in_child(driver: str, scenario: Scenario, count: int, rate: float = 0.0) -> Figures:
    """The figures of one run in a fresh process."""
    command = [sys.executable, "-m", "tests.perf.null_run", driver, scenario, str(count), str(rate)]
    told = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    figures: Figures = json.loads(told.stdout.splitlines()[-1])
    return figures


def by_bench(scenario: Scenario, count: int, rate: float) -> Figures:
    """Our driver, with the secret sample of outputs and the witness that every run has."""
    if scenario == "server":
        times_ns = poisson_ns(count, rate, seed=5)
        timeline = in_memory(count, open_loop=True)
        t0_ns = drive(
            lane(1, Scheduled(times_ns=times_ns)), timeline, SecretSample(count, 1, seed=3), witness=Witness()
        ).t0_ns
        memory_bytes = _highest_memory()  # of the driver: scoring comes in another process
        queries = each_query(open_loop_columns(used(timeline), times_ns, t0_ns), times_ns)
        ordered = np.sort(queries.ended_ns - queries.scheduled_ns)
        p50, p99 = float(ordered[count // 2]), float(ordered[int(count * 0.99)])
        return {"p50_ns": p50, "p99_ns": p99, "memory_bytes": memory_bytes}
    batch = BATCH if scenario == "offline" else 1
    rows = count // batch
    one = lane(batch, AllDue() if scenario == "offline" else Closed())
    elapsed_ns = drive(one, in_memory(rows), SecretSample(rows, batch, seed=3), witness=Witness()).elapsed_ns
    return {"ns_per_query": elapsed_ns / rows} if batch == 1 else {"samples_per_s": rows * batch * 1e9 / elapsed_ns}


def by_loadgen(scenario: Scenario, count: int, rate: float, trace: bool) -> Figures:
    """LoadGen with the leanest system that Python can give it: answered and completed in its own thread."""
    request = Request(
        scenario=scenario,
        queries=1 if scenario == "offline" else count,
        samples_per_query=count if scenario == "offline" else 1,
        duration_s=count / rate if scenario == "server" else 0.0,
        loaded=1024,
        trace=trace,
        qsl_seed=1,
        sample_seed=2,
        schedule_seed=3,
        rate_per_s=rate,
        bound_ns=1_000_000_000,
    )
    with tempfile.TemporaryDirectory() as folder:
        run_test(request, Path(folder), lambda labels: None, _issuer(scenario))
        figures = read_detail(Path(folder), scenario).figures
    if scenario == "single_stream":
        return {"ns_per_query": 1e9 / figures["result_qps_with_loadgen_overhead"]}
    if scenario == "offline":
        return {"samples_per_s": figures["result_samples_per_second"]}
    percentiles = (figures[f"result_{p}.00_percentile_latency_ns"] for p in (50, 99))
    return dict(zip(("p50_ns", "p99_ns"), percentiles, strict=True))


def _issuer(scenario: Scenario) -> Callable[[Complete], Issue]:
    batch = BATCH if scenario == "offline" else 1
    one = lane(batch, AllDue())
    run, batches, out = one.sessions[0].run, one.samples.batches, one.rings[0].slots[0]

    def issuer(complete: Complete) -> Issue:
        def issue(ids: list[int], labels: list[int]) -> None:
            for lo in range(0, len(ids), batch):
                run(batches[labels[lo] % len(batches)], out)
                complete(ids[lo : lo + batch])

        return issue

    return issuer


def _highest_memory() -> float:
    return 1024.0 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main(arguments: list[str]) -> None:
    driver, scenario, count, rate = arguments
    asked = (scenario, int(count), float(rate))
    figures = by_bench(*asked) if driver == "bench" else by_loadgen(*asked, trace=driver == "loadgen-traced")  # type: ignore[arg-type]
    figures.setdefault("memory_bytes", _highest_memory())
    sys.stdout.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
