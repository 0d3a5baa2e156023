"""Answers of the reference engine to files of which nothing is known, once for a run, in a process of its own.

The reference engine is onnxruntime on the processor in fp32, whatever is measured. Its answers are kept with the run,
so that whoever checks it can answer the files again.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from bench.backends.base import EngineError, Options, find_device
from bench.backends.registry import load_backend
from bench.backends.trimming import compile_trimmed
from bench.loadgen.keeping import (
    EVALUATION_SHA256,
    UNFINISHED,
    condensed_of,
    evaluated,
    evaluation_fingerprint,
    plain,
    read_arrays,
    save_arrays,
)
from bench.models.base import Reference, Workload
from bench.models.end_to_end import EndToEnd
from bench.models.opening import open_workload
from bench.models.user_files import BadModel
from bench.plugins import PluginError
from bench.records.untrusted import BadFile
from bench.scoring.numeric import unfinished
from bench.store.runs import RunFolder

_ENGINE, _DEVICE, _BATCH = "onnxruntime", "cpu", 8
_FAILED = 3


class NoReference(ValueError):
    """The reference engine cannot answer the files; one line."""


@runtime_checkable
class Answerable(Protocol):
    """What a workload has whose samples nothing is known of."""

    def answered(self, reference: Reference) -> Workload:
        """The same workload with what a reference engine answered."""


def with_references(folder: RunFolder, workloads: dict[str, Workload]) -> dict[str, Workload]:
    """The workloads of a plan that asks for agreement, each with the reference answers. Raises NoReference."""
    return {name: _with_reference(folder, name, workload) for name, workload in workloads.items()}


def _with_reference(folder: RunFolder, name: str, workload: Workload) -> Workload:
    file = _file(folder, name)
    if not file.exists():
        command = [sys.executable, "-m", "bench.agreement", str(folder.path), name]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            words = (done.stderr.strip() or f"it ended with {done.returncode}").splitlines()[-1]
            raise NoReference(f"The reference engine ({_ENGINE}, fp32) cannot answer the files: {words}")
    answerable = plain(workload)
    assert isinstance(answerable, Answerable)
    known = answerable.answered(_read(file, answerable))
    return EndToEnd(known) if isinstance(workload, EndToEnd) else known


def answer_files(folder: RunFolder, name: str) -> None:
    """Answer all files of the run's plan and keep the answers. Raises as the engine and as whoever reads the files."""
    run = folder.load_run()
    workload = open_workload(name, run.plan)
    model, backend = workload.model(), load_backend(_ENGINE)
    batch = model.fixed_batch or _BATCH
    options = Options(precision="fp32", max_batch=batch, workers=1, threads=run.host.cores_usable)
    compiled = compile_trimmed(backend, model, find_device(backend, _DEVICE), options)
    indices = np.arange(workload.spec.quality.evaluation_samples, dtype=np.int64)
    answers = evaluated(compiled.open(0), model, workload, indices, workload.evaluation_inputs, batch)
    if bad := int(answers[UNFINISHED]) if UNFINISHED in answers else unfinished(answers):
        raise NoReference(f"{bad} of its own answers hold NaN or infinity")
    file = _file(folder, name)
    file.parent.mkdir(exist_ok=True)
    save_arrays(file, answers, {EVALUATION_SHA256: evaluation_fingerprint(workload)})


def _read(file: Path, workload: Workload) -> Reference:
    arrays, digest = read_arrays(file)
    return Reference(
        value=1.0,
        evaluation_sha256=digest or "",
        outputs={tensor.name: arrays[tensor.name] for tensor in workload.spec.outputs},
        condensed=condensed_of(arrays) or None,
    )


def _file(folder: RunFolder, name: str) -> Path:
    return folder.path / "agreement" / f"{name}.safetensors"


def main(arguments: list[str]) -> int:
    """Entry of the process: the run's folder, and the workload's name."""
    folder, name = arguments
    try:
        answer_files(RunFolder(Path(folder)), name)
    except (NoReference, EngineError, BadModel, BadFile, PluginError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return _FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
