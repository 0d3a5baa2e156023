"""Does speed depend on the weights? `python -m bench.models.measure_weights WORKLOAD` measures it.

The workload's graph runs with its own weights, with others of the same sizes, and with those of a user's file of the
same network (`--other FILE.onnx`), in turns, in one process, on the same samples. The table goes into card.md, between
its two marks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any  # Any: onnxruntime ships no type information

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, numpy_helper

from bench.models.base import NamedArrays
from bench.models.cards import put_table
from bench.models.quantise.storage import unfold
from bench.models.suite import SuiteWorkload, load_workload
from bench.plugins import PluginError
from bench.records.numbers import Interval
from bench.records.untrusted import BadFile
from bench.scoring.intervals import repetition_interval, repetition_value

Weights = NDArray[np.float32]
_PRODUCTS = ("Conv", "Gemm", "MatMul")
_OWN = "its own"
_SAMPLES = 32


@dataclass(frozen=True, slots=True)
class Compared:
    """Throughput with some weights over that with the network's own: geometric mean over rounds, with interval."""

    name: str
    ratio: float
    interval: Interval


def with_weights(model: ModelProto, change: Callable[[Weights], Weights]) -> ModelProto:
    """`model`, a float network, with `change` made to what its products multiply by; biases stay."""
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    used = {node.input[1] for node in model.graph.node if node.op_type in _PRODUCTS and node.input[1] in constants}
    for name in sorted(used):
        tensor = constants[name]
        weights = numpy_helper.to_array(tensor)
        tensor.CopyFrom(numpy_helper.from_array(change(weights).astype(weights.dtype), name))
    return model


def drawn(weights: Weights) -> Weights:
    """Normal numbers of the same deviation."""
    rng = np.random.default_rng(weights.size)
    numbers: Weights = rng.standard_normal(weights.shape, np.float32) * weights.std()
    return numbers


def shuffled(weights: Weights) -> Weights:
    """The same numbers at other places."""
    moved: Weights = np.random.default_rng(weights.size).permutation(weights.ravel()).reshape(weights.shape)
    return moved


def denormal(weights: Weights) -> Weights:
    """So small that float32 has no normal number for them: what some processors take many times as long for."""
    return (weights * np.float32(1e-20) * np.float32(1e-20)).astype(np.float32)


_CHANGES: dict[str, Callable[[Weights], Weights]] = {
    "normal numbers of the same deviation": drawn,
    "its own at other places": shuffled,
    "its own times 1e-40 (denormal)": denormal,
}


def measure(
    workload: SuiteWorkload, other: Path | None, batch: int, rounds: int, seconds: float, threads: int
) -> list[Compared]:
    """Every kind of weights against the network's own, over `rounds` rounds of `seconds` for each."""
    samples = workload.load_inputs(_SAMPLES, seed=1)
    with tempfile.TemporaryDirectory() as folder:
        sessions = {name: _session(file, threads) for name, file in _files(workload, other, Path(folder))}
        rates: dict[str, list[float]] = {name: [] for name in sessions}
        for number in range(-1, rounds):
            # Each round begins elsewhere, so that none always follows the same.
            names = list(sessions)[number % len(sessions) :] + list(sessions)[: number % len(sessions)]
            for name in names:
                rate = _rate(sessions[name], samples, batch, seconds)
                if number >= 0:  # the first round warms up
                    rates[name].append(rate)
    own = np.array(rates.pop(_OWN))
    return [_compared(name, np.array(found) / own) for name, found in rates.items()]


def _compared(name: str, ratios: NDArray[np.float64]) -> Compared:
    interval = repetition_interval(ratios)
    assert isinstance(interval, Interval)
    return Compared(name, repetition_value(ratios), interval)


def _files(workload: SuiteWorkload, other: Path | None, folder: Path) -> Iterator[tuple[str, Path]]:
    shipped = workload.model().path
    yield _OWN, shipped
    for number, (name, change) in enumerate(_CHANGES.items()):
        file = folder / f"{number}.onnx"
        onnx.save(with_weights(unfold(shipped).model, change), file)
        yield name, file
    if other is not None:
        yield f"those of {other.name}", other


def _session(file: Path, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _rate(session: Any, samples: NamedArrays, batch: int, seconds: float) -> float:
    """Samples per second."""
    names = [one.name for one in session.get_inputs()]
    # By position: another file may call its input otherwise.
    arrays = [np.ascontiguousarray(array) for array in samples.values()]
    count = len(arrays[0]) // batch
    batches = [
        {name: array[k * batch : (k + 1) * batch] for name, array in zip(names, arrays, strict=True)}
        for k in range(count)
    ]
    begun = perf_counter_ns()
    done = 0
    while (taken := perf_counter_ns() - begun) < seconds * 1e9:
        session.run(None, batches[done % count])
        done += 1
    return done * batch / (taken / 1e9)


def table(found: Sequence[Compared], about: str) -> str:
    """The rows of the card."""
    lines = ["| weights | throughput over that with its own (95 %) |", "|---|---|"]
    for one in found:
        lines.append(f"| {one.name} | {one.ratio:.3f} ({one.interval.low:.3f} to {one.interval.high:.3f}) |")
    return "\n".join([*lines, "", about])


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, print, and write the table into the card."""
    parser = argparse.ArgumentParser(prog="python -m bench.models.measure_weights", description=__doc__)
    parser.add_argument("workload")
    parser.add_argument("--other", type=Path, metavar="FILE.onnx", help="a file of the same network")
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=1.0, help="for each kind of weights in each round")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--about", default="", help="a line below the table: machine, date, what else ran")
    given = parser.parse_args(arguments)
    if not 1 <= given.batch <= _SAMPLES or given.rounds < 2 or not given.seconds > 0 or given.threads < 1:
        parser.error(f"a batch is 1 to {_SAMPLES}, rounds are two or more, seconds and threads positive")
    try:
        workload = load_workload(given.workload)
        assert isinstance(workload, SuiteWorkload)
        found = measure(workload, given.other, given.batch, given.rounds, given.seconds, given.threads)
    except (PluginError, BadFile, OSError) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    shown = table(found, given.about)
    print(shown)
    put_table(workload.folder / "card.md", "weights", shown)
    return 0


if __name__ == "__main__":
    sys.exit(main())
