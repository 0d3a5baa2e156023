"""Measures what a workload's network loses under corruption: `python -m bench.models.measure_stress WORKLOAD`.

The shipped graph runs in float32 on the CPU with onnxruntime. Writes `results/reference/<name>/robustness.json` and
prints the table of card.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any  # Any: onnxruntime ships no type information

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.models.base import NamedArrays, Workload
from bench.models.stress import conditions_of, fingerprint
from bench.models.stress_reference import CLEAN, FILE, StressReference, packed
from bench.models.suite import load_workload, reference_root
from bench.robustness import LEVELS, change
from bench.scoring.quality import wilson
from bench.scoring.robustness import loss
from bench.tasks.classify import top_class

Bools = NDArray[np.bool_]
_CHUNK, _BATCH = 64, 16


def measure(workload: Workload, count: int, threads: int, say: Callable[[str], None]) -> tuple[dict[str, Bools], str]:
    """Which answers to the first `count` evaluation samples are right, by condition; and onnxruntime's version."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    path = str(workload.model().path)
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    found: dict[str, list[Bools]] = {}
    begun = time.monotonic()
    for lo in range(0, count, _CHUNK):
        indices = np.arange(lo, min(lo + _CHUNK, count), dtype=np.int64)
        labels = workload.evaluation_labels(indices)
        for name, inputs in _samples(workload, indices):
            answers = top_class(_run(session, inputs))
            found.setdefault(name, []).append(answers == labels)
        say(f"{int(indices[-1]) + 1} of {count} samples after {time.monotonic() - begun:.0f} s")
    return {name: np.concatenate(parts) for name, parts in found.items()}, onnxruntime.__version__


def _samples(workload: Workload, indices: NDArray[np.int64]) -> Iterator[tuple[str, NamedArrays]]:
    """The samples as they are, and under each condition."""
    raw = workload.evaluation_raw(indices)
    yield CLEAN, workload.prepared(raw)
    for condition in conditions_of(workload.spec):
        yield condition.name, workload.prepared(change(condition, raw, indices))


def _run(session: Any, inputs: NamedArrays) -> NamedArrays:
    names = [output.name for output in session.get_outputs()]
    count = len(next(iter(inputs.values())))
    parts = [
        session.run(names, {name: array[lo : lo + _BATCH] for name, array in inputs.items()})
        for lo in range(0, count, _BATCH)
    ]
    return {name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts, strict=True), strict=True)}


def reference_of(workload: Workload, right: dict[str, Bools], version: str) -> StressReference:
    """What is stored of the answers."""
    return StressReference(
        metric=workload.spec.quality.metric,
        samples=len(right[CLEAN]),
        stressed_sha256=fingerprint(workload),
        computed_with={"onnxruntime": version, "numpy": np.__version__, "arithmetic": "float32"},
        amounts={condition.name: condition.amount for condition in conditions_of(workload.spec)},
        values={name: round(float(answers.mean()), 6) for name, answers in right.items()},
        right={name: packed(answers) for name, answers in right.items()},
    )


def table(workload: Workload, right: dict[str, Bools]) -> str:
    """The answers as a table in Markdown."""
    clean = right[CLEAN]
    within = wilson(int(clean.sum()), len(clean))
    lines = [
        f"As they are: {clean.mean():.4f} ({within.low:.4f} to {within.high:.4f}) of {len(clean)} samples.",
        "",
        "| corruption | level 1 | level 2 | level 3 |",
        "|---|---|---|---|",
    ]
    asked = conditions_of(workload.spec)
    for corruption in dict.fromkeys(condition.corruption.name for condition in asked):
        cells = []
        for condition in (one for one in asked if one.corruption.name == corruption):
            answers = right[condition.name]
            lost, limits = loss(clean, answers)
            cells.append(
                f"{condition.amount:g} {condition.corruption.unit}: {answers.mean():.3f}, "
                f"lost {100 * lost:.1f} ({100 * limits.low:.1f} to {100 * limits.high:.1f})"
            )
        assert len(cells) == len(LEVELS)
        lines.append(f"| {corruption} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, measure, write and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workload")
    parser.add_argument("--count", type=int, help="the first so many evaluation samples; default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="default: the workload's under results/reference")
    given = parser.parse_args()
    workload = load_workload(given.workload)
    count = given.count or workload.spec.quality.evaluation_samples
    right, version = measure(workload, count, given.threads, lambda text: print(text, flush=True))
    folder = given.folder or reference_root() / workload.spec.name
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(reference_of(workload, right, version)), indent=1)
    (folder / FILE).write_bytes(text + b"\n")
    print(table(workload, right))


if __name__ == "__main__":
    main()
