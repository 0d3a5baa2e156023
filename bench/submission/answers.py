"""Answers that were handed in, judged and computed again: on the evaluation set, and of what was timed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Options
from bench.backends.registry import load_backend
from bench.judging.quality import judge_quality
from bench.loadgen.answering import answer_all
from bench.loadgen.keeping import INDICES, NUMBERS, quality_indices
from bench.loadgen.samples import issue_order
from bench.models.base import NamedArrays, Reference, Workload
from bench.records.findings import Finding
from bench.records.hashing import derive_seed
from bench.records.host import Device
from bench.records.job import Job
from bench.records.plan import Measurement, Mode
from bench.records.record import Trial
from bench.records.submission import Item
from bench.scoring.numeric import sample_errors
from bench.submission.consistency import conforming, unchecked, violated
from bench.submission.contents import OUTPUTS, QUALITY
from bench.submission.differences import first_difference
from bench.tasks.base import ERROR_CLASS

# So many of the kept answers are computed again, drawn anew by each verification.
RECOMPUTED = 32
# A thousand classes of 50 000 samples are a fifth of it.
MOST_ARRAYS_BYTES = 1 << 30
# As when they are recomputed in the run: another batch may take another kernel.
_TOLERANCE = 10.0
_ENGINE = "onnxruntime"
# So many numbers that are the reference's to the last bit are no coincidence.
_LEAST_COPIED = 1000


def judged_again(
    folder: Path, workload: Workload, job: Job, trial: Trial, mode: Mode
) -> tuple[list[Item], tuple[Finding, ...]]:
    """The quality of the answers in the folder of a measurement, and the findings about it."""
    name, measurement = job.measurement.name, job.measurement
    file = folder / QUALITY / OUTPUTS
    if not file.is_file():
        if trial.quality is not None and trial.quality.samples:
            return [violated("quality", name, "no-answers")], ()
        return [unchecked("quality", name, "no-answers")], judge_quality(folder, workload, "", mode)[1]
    arrays = load_arrays(file)
    due = quality_indices(job, workload, measurement.quality_samples)
    if INDICES not in arrays or not np.array_equal(arrays[INDICES], due):
        return [violated("quality", name, "other-samples")], ()
    report = trial.report
    assert report is not None
    quality, found = judge_quality(folder, workload, report.facts.precision_executed, mode)
    if (difference := first_difference(quality, trial.quality)) is not None:
        return [violated("quality", name, "figures", difference)], found
    reference = workload.reference()
    if reference is not None and _copied(arrays, reference, due):
        return [violated("quality", name, "copied")], found
    return [conforming("quality", name, quality.samples)], found


def timed_again(file: Path, workload: Workload, job: Job, trial: Trial, total: int) -> Iterator[Item]:
    """Some of the timed answers, computed again from the inputs that the nonce gives; `total` samples were asked."""
    place, measurement, report = f"{job.measurement.name}/trial-{trial.index:02d}", job.measurement, trial.report
    assert report is not None
    if not file.is_file():
        yield unchecked("timed-answers", place, "no-answers")
        return
    arrays = load_arrays(file)
    numbers = arrays.pop(NUMBERS)
    if numbers.ndim != 1 or numbers.dtype != np.int64 or not _within(numbers.astype(np.int64), total):
        yield violated("timed-answers", place, "other-samples")
        return
    if len(numbers) != report.verification.samples and measurement.driver == "bench":
        yield violated("timed-answers", place, "count", f"{len(numbers)}, {report.verification.samples}")
        return
    limit = _TOLERANCE * ERROR_CLASS.get(report.facts.precision_executed, float("inf"))
    if not np.isfinite(limit) or measurement.timed_region != "host_to_host":
        yield unchecked("timed-answers", place, "no-error-class", report.facts.precision_executed)
        return
    worst = _worst_error(arrays, numbers.astype(np.int64), workload, job)
    seen = f"{worst:.2g}, {limit:.2g}"
    yield (
        conforming("timed-answers", place, seen)
        if worst <= limit
        else violated("timed-answers", place, "mismatch", seen)
    )


def load_arrays(file: Path) -> NamedArrays:
    """The arrays of a file that somebody handed in. Raises ValueError where it is none."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if (size := file.stat().st_size) > MOST_ARRAYS_BYTES:
        raise ValueError(f"{file.name}: {size} bytes of answers; no more than {MOST_ARRAYS_BYTES} are read")
    try:
        return load_file(file)
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(f"{file.name}: {error}") from None


def _worst_error(arrays: NamedArrays, numbers: NDArray[np.int64], workload: Workload, job: Job) -> float:
    measurement = job.measurement
    # Which ones nobody can know when he hands them in.
    chosen = np.random.default_rng().permutation(len(numbers))[:RECOMPUTED]
    order = issue_order(measurement.load_samples, derive_seed(job.seed, "order"))
    inputs = workload.load_inputs(measurement.load_samples, derive_seed(job.seed, "load") % 2**31)
    samples = order[numbers[chosen] % measurement.load_samples]
    again = _answered(workload, measurement, {name: array[samples] for name, array in inputs.items()}, len(chosen))
    worst = [float(sample_errors(arrays[name][chosen], again[name]).max()) for name in again]
    return max(worst) if np.isfinite(worst).all() else float("inf")


def _answered(workload: Workload, measurement: Measurement, inputs: NamedArrays, count: int) -> NamedArrays:
    """Answers of the suite's network, by an engine of ours, to `inputs`."""
    model = workload.model("fp32")
    batch = model.fixed_batch or min(count, 8)
    options = Options(precision="fp32", max_batch=batch, workers=1, threads=1, varying_batch=True)
    compiled = load_backend(_ENGINE).compile(model, Device(kind="cpu"), options)
    try:
        session = compiled.open(0)
        indices = np.arange(count, dtype=np.int64)
        return answer_all(session, model, indices, lambda part: {k: v[part] for k, v in inputs.items()}, batch)
    finally:
        compiled.close()


def _within(numbers: NDArray[np.int64], total: int) -> bool:
    whole = len(numbers) > 0 and len(np.unique(numbers)) == len(numbers)
    return bool(whole and numbers.min() >= 0 and numbers.max() < total)


def _copied(arrays: NamedArrays, reference: Reference, indices: NDArray[np.int64]) -> bool:
    """Whether the answers are the reference's to the last bit, which another arithmetic does not give."""
    if reference.condensed is not None:
        return False
    for name, stored in reference.outputs.items():
        if name in arrays and np.issubdtype(stored.dtype, np.floating) and arrays[name].size >= _LEAST_COPIED:
            return bool(np.array_equal(arrays[name], stored[indices].astype(arrays[name].dtype)))
    return False
