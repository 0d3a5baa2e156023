"""Answers to corrupted copies of the evaluation samples, outside the clock, left for the parent to judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.loadgen.answering import answer_all, chunk_of
from bench.loadgen.keeping import INDICES, condenser, quality_indices, save_arrays
from bench.loadgen.opening import Ready
from bench.loadgen.reporter import Reporter
from bench.loadgen.samples import Named
from bench.models.stress import conditions_of, fingerprint
from bench.records.job import Job
from bench.robustness import change

STRESSED, STRESSED_SHA256 = "stressed", "stressed_sha256"


def answer_under_stress(job: Job, ready: Ready, reporter: Reporter) -> None:
    """Answer the samples of the quality check under every condition; nothing where the measurement asks for none.

    Kept are `<condition>/<output>` arrays (samples, …) in `stressed/outputs.safetensors`, outputs being what the task
    condenses them to where it does.
    """
    workload, measurement = ready.workload, job.measurement
    if not measurement.stress_samples:
        return
    batch = measurement.batch
    indices = quality_indices(job, workload, measurement.stress_samples)
    asked = conditions_of(workload.spec)
    found: dict[str, list[Named]] = {condition.name: [] for condition in asked}
    for lo in range(0, len(indices), chunk_of(batch)):
        part = indices[lo : lo + chunk_of(batch)]
        raw = workload.evaluation_raw(part)  # once for all conditions: to make a sample costs more than to spoil it
        for condition in asked:
            reporter.phase("robustness")  # with every part, as in `quality`
            inputs = workload.prepared(change(condition, raw, part))
            found[condition.name].append(_answered(ready, part, inputs, batch))
    joined = {
        f"{condition}/{name}": np.concatenate([answers[name] for answers in parts])
        for condition, parts in found.items()
        for name in parts[0]
    }
    folder = Path(job.folder) / STRESSED
    folder.mkdir(exist_ok=True)
    digest = fingerprint(workload)
    save_arrays(folder / "outputs.safetensors", {**joined, INDICES: indices}, {STRESSED_SHA256: digest})


def _answered(ready: Ready, indices: NDArray[np.int64], inputs: Named, batch: int) -> Named:
    """Outputs for one chunk, whose inputs are made."""
    outputs = answer_all(ready.lane.sessions[0], ready.model, indices, lambda _: inputs, batch)
    condensed = condenser(ready.workload)
    return outputs if condensed is None else condensed(outputs)
