"""One row of the table, measured in this process: a network and a batch on both engines, in pairs of short rounds."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from time import perf_counter_ns

import msgspec
import numpy as np

from bench.backends import onnxruntime
from bench.backends.base import Backend, Model, Options, Session, find_device
from bench.backends.opencl.backend import BACKEND as OPENCL
from bench.backends.opencl.device import look_up
from bench.backends.opencl.tracing import trace
from bench.backends.trimming import compile_trimmed
from bench.hardware.container import usable_cores
from bench.loadgen.samples import LoadedSet, Named
from bench.models.suite import load_workload
from bench.scoring.intervals import t_quantile

# A round lasts this long at least: the other engine's threads spin on for milliseconds after its last answer.
_ROUND_NS = 100_000_000
_CONFIDENCE = 0.95


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """`address` is that of the OpenCL device; with `rounds` = 0 only the start is measured."""

    workload: str
    address: str
    batch: int
    rounds: int


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """`start_ns`: from the call of `compile` to the first answer. Others are None where the start alone was measured.

    Times are the median over rounds, for one batch. `speed` is onnxruntime's time over ours, by the mean of logarithms,
    with its 95 % interval; `off` our largest difference from its answers, over their largest. `outside` is the share of
    a batch outside kernels, copies and nodes of the host, by the device's clock; at batch 1 only.
    """

    workload: str
    device: str
    batch: int
    threads: int
    rounds: int
    start_ns: float
    first_start_ns: float | None = None
    opencl_ns: float | None = None
    onnxruntime_ns: float | None = None
    speed: tuple[float, float, float] | None = None
    off: float | None = None
    outside: float | None = None
    host_operators: int = 0


def measured(request: Request) -> Row:
    """Raises EngineError, PluginError."""
    loaded = load_workload(request.workload)
    model, device = loaded.model(), find_device(OPENCL, request.address)
    inputs = LoadedSet(loaded.load_inputs(request.batch, seed=1), request.batch, None).row(0)
    begun = perf_counter_ns()
    ours, host_operators = _opened(OPENCL, request.address, model, request.batch)
    answer = _answering(ours, inputs, model, request.batch)
    answers = answer()
    row = Row(
        workload=request.workload,
        device=device.title,
        batch=request.batch,
        threads=usable_cores(),
        rounds=request.rounds,
        start_ns=perf_counter_ns() - begun,
        host_operators=host_operators,
    )
    if not request.rounds:
        return row
    theirs, _ = _opened(onnxruntime.BACKEND, "cpu:0", model, request.batch)
    expect = _answering(theirs, inputs, model, request.batch)
    expected = expect()
    pairs = _pairs(answer, expect, request.rounds)
    outside = None
    if request.batch == 1:
        options = Options(precision="fp32", max_batch=1, workers=1, threads=usable_cores())
        seen = trace(model, look_up(device, None), options, request.rounds)
        outside = max(seen.round_ns - seen.busy_ns, 0.0) / seen.round_ns
    return msgspec.structs.replace(
        row,
        opencl_ns=float(np.median([one for one, _ in pairs])),
        onnxruntime_ns=float(np.median([other for _, other in pairs])),
        speed=speed_of(pairs),
        off=max(_off(answers[name], expected[name]) for name in expected),
        outside=outside,
    )


def speed_of(pairs: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
    """Lower limit, mean and upper limit of how many times as fast the first of each pair is; two pairs at least."""
    logs = np.log([other / one for one, other in pairs])
    half = t_quantile(_CONFIDENCE, len(logs) - 1) * float(np.std(logs, ddof=1)) / math.sqrt(len(logs))
    mean = float(np.mean(logs))
    return math.exp(mean - half), math.exp(mean), math.exp(mean + half)


def _opened(backend: Backend, address: str, model: Model, batch: int) -> tuple[Session, int]:
    """A session, and how many kinds of operators run on the host."""
    options = Options(precision="fp32", max_batch=batch, workers=1, threads=usable_cores())
    compiled = compile_trimmed(backend, model, find_device(backend, address), options)
    return compiled.open(0), int(compiled.facts.applied.get("host_operators", 0))


def _answering(session: Session, inputs: Named, model: Model, batch: int) -> Callable[[], Named]:
    out = {one.name: np.zeros((batch, *one.shape), one.dtype) for one in model.outputs}

    def answer() -> Named:
        session.run(inputs, out)
        return out

    return answer


def _pairs(one: Callable[[], Named], other: Callable[[], Named], rounds: int) -> list[tuple[float, float]]:
    """Nanoseconds for a batch, in turn; who goes first alternates, so that drift of the machine favours neither."""
    counts = [max(1, math.ceil(_ROUND_NS / _timed(work, 2))) for work in (one, other)]
    pairs = []
    for number in range(rounds):
        if number % 2:
            theirs = _timed(other, counts[1])
            ours = _timed(one, counts[0])
        else:
            ours = _timed(one, counts[0])
            theirs = _timed(other, counts[1])
        pairs.append((ours, theirs))
    return pairs


def _timed(work: Callable[[], Named], times: int) -> float:
    """Nanoseconds for one of `times`, after one that does not count."""
    work()
    begun = perf_counter_ns()
    for _ in range(times):
        work()
    return (perf_counter_ns() - begun) / times


def _off(answer: np.ndarray, expected: np.ndarray) -> float:  # type: ignore[type-arg]  # of whatever type
    largest = float(np.abs(expected).max(initial=0.0)) or 1.0
    return float(np.abs(answer.astype(np.float64) - expected).max(initial=0.0)) / largest


if __name__ == "__main__":
    sys.stdout.write(msgspec.json.encode(measured(msgspec.json.decode(sys.argv[1], type=Request))).decode() + "\n")
