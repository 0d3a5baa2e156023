"""Which corruptions a workload's samples can take, why it can take none, and that two machines corrupt alike."""

from __future__ import annotations

import hashlib

import numpy as np

from bench.models.base import Workload, WorkloadSpec
from bench.robustness import Condition, change, conditions, kind_of

_FINGERPRINTED = 8


def conditions_of(spec: WorkloadSpec) -> tuple[Condition, ...]:
    """All conditions for what a workload is fed; none where its inputs are neither pictures nor sound."""
    return conditions(kind_of(tensor.shape for tensor in spec.inputs))


def why_not(workload: Workload) -> str | None:
    """Why nothing can be said of a workload's robustness, in one line with what to do; None where it can."""
    spec = workload.spec
    if not spec.quality.evaluation_samples:
        return f"`--robustness` corrupts evaluation samples, and {spec.name} has none; give labelled ones: `--data`."
    if workload.evaluation_labels(np.zeros(1, np.int64)) is None:
        return f"`--robustness` counts right answers, and the samples of {spec.name} have no labels; leave it out."
    if not conditions_of(spec):
        shapes = ", ".join(f"{tensor.name} {tensor.shape}" for tensor in spec.inputs)
        return (
            f"`--robustness` corrupts pictures (3, height, width) and sound (samples,), and {spec.name} takes "
            f"{shapes}; leave it out."
        )
    return None


def fingerprint(workload: Workload) -> str:
    """SHA-256 of the first corrupted samples under all conditions: where it differs, so do the samples."""
    count = min(_FINGERPRINTED, workload.spec.quality.evaluation_samples)
    indices = np.arange(count, dtype=np.int64)
    raw, digest = workload.evaluation_raw(indices), hashlib.sha256()
    for condition in conditions_of(workload.spec):
        digest.update(condition.name.encode())
        for array in change(condition, raw, indices).values():
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
