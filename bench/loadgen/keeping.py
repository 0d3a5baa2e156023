"""Outputs that the child leaves for the parent: answers to the evaluation set, and some of those that were timed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Session
from bench.loadgen.answering import answer_all, answer_condensed, chosen_indices
from bench.loadgen.opening import Ready
from bench.loadgen.outputs import SecretSample
from bench.loadgen.reporter import Reporter
from bench.loadgen.samples import Named
from bench.models.base import Workload
from bench.models.end_to_end import EndToEnd
from bench.records.hashing import derive_seed
from bench.records.job import Job
from bench.store.files import write_bytes
from bench.tasks import TASKS
from bench.tasks.base import RAW_SAMPLES, Outputs

INDICES, NUMBERS, EVALUATION_SHA256 = "__indices", "__numbers", "evaluation_sha256"
# Before the names of condensed answers, and how many samples' raw outputs behind them were not finite.
CONDENSED, UNFINISHED = "__condensed/", "__unfinished"
_FINGERPRINTED = 64


def answer_evaluation_set(job: Job, ready: Ready, reporter: Reporter) -> None:
    """Answer the evaluation set, or what of it the measurement asks for, and keep outputs and sample numbers."""
    workload, measurement = ready.workload, job.measurement
    indices = quality_indices(job, workload, measurement.quality_samples)
    if len(indices) == 0:
        return

    def inputs(part: NDArray[np.int64]) -> Named:
        reporter.phase("quality")  # with every part: the whole set may take longer than a hang is waited for
        return workload.evaluation_inputs(part)

    outputs = evaluated(ready.lane.sessions[0], ready.model, workload, indices, inputs, measurement.batch)
    digest = evaluation_fingerprint(workload)
    folder = Path(job.folder) / "quality"
    folder.mkdir(exist_ok=True)
    save_arrays(folder / "outputs.safetensors", {**outputs, INDICES: indices}, {EVALUATION_SHA256: digest})


def evaluated(
    session: Session,
    model: Model,
    workload: Workload,
    indices: NDArray[np.int64],
    inputs: Callable[[NDArray[np.int64]], Named],
    batch: int,
) -> Named:
    """Outputs for `indices`; where the task condenses them, that, and the raw ones for the first samples of the set.

    `condensed_of` tells them apart again.
    """
    condensed = condenser(workload)
    if condensed is None:
        return answer_all(session, model, indices, inputs, batch)
    answers, bad = answer_condensed(session, model, indices, inputs, batch, condensed)
    first = np.arange(min(RAW_SAMPLES, workload.spec.quality.evaluation_samples))
    raw = answer_all(session, model, first, inputs, batch)
    kept = {CONDENSED + name: array for name, array in answers.items()}
    return {**raw, **kept, UNFINISHED: np.array(bad, np.int64)}


def condenser(workload: Workload) -> Callable[[Outputs], Named] | None:
    """From what a session answers to what the task makes of it; None where raw outputs are the answers."""
    condense = TASKS[workload.spec.task].condense
    names = [tensor.name for tensor in plain(workload).spec.outputs]
    # End to end the answers stand behind the outputs that they were read from.
    return None if condense is None else lambda outputs: condense({name: outputs[name] for name in names})


def condensed_of(arrays: Named) -> Named:
    """The condensed ones among arrays of `evaluated`; none where raw outputs are the answers."""
    return {name.removeprefix(CONDENSED): array for name, array in arrays.items() if name.startswith(CONDENSED)}


def read_arrays(file: Path) -> tuple[Named, str | None]:
    """What `save_arrays` wrote, and of which evaluation samples it was said to be."""
    from safetensors import safe_open

    with safe_open(file, framework="numpy") as opened:
        arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 - not a mapping
        return arrays, (opened.metadata() or {}).get(EVALUATION_SHA256)


def quality_indices(job: Job, workload: Workload, count: int) -> NDArray[np.int64]:
    """Which `count` evaluation samples a repetition is asked, whatever is asked about them."""
    spec = workload.spec.quality
    return chosen_indices(spec.evaluation_samples, count, derive_seed(job.seed, "quality"), spec.group)


def evaluation_fingerprint(workload: Workload) -> str:
    """SHA-256 of the first evaluation samples, by which stored answers know that they are to the same ones.

    Of the samples as they were before they became files: those differ from one version of a codec to the next.
    """
    count = min(_FINGERPRINTED, workload.spec.quality.evaluation_samples)
    first = plain(workload).evaluation_inputs(np.arange(count, dtype=np.int64))
    return hashlib.sha256(b"".join(array.tobytes() for array in first.values())).hexdigest()


def plain(workload: Workload) -> Workload:
    """The workload itself, which knows nothing of files."""
    return workload.plain if isinstance(workload, EndToEnd) else workload


def keep_outputs(folder: Path, secret: SecretSample) -> None:
    """The kept outputs, (samples, …) each, and which sample of the run, counted in issue order, each belongs to."""
    if not secret.kept:
        return
    kept = sorted(secret.kept.items())
    joined = {name: np.concatenate([arrays[name] for _, arrays in kept]) for name in kept[0][1]}
    numbers = [first + np.arange(len(next(iter(arrays.values()))), dtype=np.int64) for first, arrays in kept]
    save_arrays(folder / "outputs.safetensors", {**joined, NUMBERS: np.concatenate(numbers)})


def save_arrays(path: Path, arrays: Named, metadata: dict[str, str] | None = None) -> None:
    """Write arrays with texts beside them, whole or not at all. Raises OSError."""
    from safetensors.numpy import save

    write_bytes(path, save(arrays, metadata))  # safetensors' own `save_file` hides the system's error number
