"""What LoadGen's accuracy log comes to, in the form in which MLPerf's own scripts say it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.loadgen.supervisor import RepetitionFailed, run_accuracy
from bench.models.base import Workload
from bench.records.job import Job, Phase
from bench.store.files import write_bytes
from bench.store.runs import ACCURACY
from bench.tasks.classify import CLASSIFY, COMMAND

ACCURACY_LOG, ACCURACY_TEXT = "mlperf_log_accuracy.json", "accuracy.txt"


class BadAccuracyLog(ValueError):
    """LoadGen did not log one answer to every sample."""


class _Entry(msgspec.Struct, frozen=True):
    qsl_idx: int
    data: str


def run_accuracy_test(job: Job, workload: Workload, announce: Callable[[Phase], None]) -> None:
    """LoadGen's accuracy test beside its performance test, where there is something to answer.

    Raises RepetitionFailed as the supervisor, and where the log does not answer every sample once.
    """
    if not job.measurement.quality_samples:
        return
    folder = Path(job.folder) / ACCURACY
    folder.mkdir()
    run_accuracy(msgspec.structs.replace(job, folder=str(folder), mlperf="accuracy"), announce)
    try:
        keep_accuracy(folder, workload)
    except BadAccuracyLog as error:
        raise RepetitionFailed(str(error)) from None


def keep_accuracy(folder: Path, workload: Workload) -> None:
    """Write `accuracy.txt` beside LoadGen's accuracy log, with the hash of that; of a classification with its score.

    Raises BadAccuracyLog or OSError.
    """
    content = (folder / ACCURACY_LOG).read_bytes()
    answers = _answers(content, workload.spec.quality.evaluation_samples)
    lines = [f"hash={hashlib.sha256(content).hexdigest()}"]
    if workload.spec.task in (CLASSIFY.name, COMMAND.name):
        labels = workload.evaluation_labels(np.arange(len(answers), dtype=np.int64))
        if labels is not None:
            lines.insert(0, score_line(answers, labels))
    write_bytes(folder / ACCURACY_TEXT, "".join(f"{line}\n" for line in lines).encode())


def score_line(answers: list[bytes], labels: NDArray[np.generic]) -> str:
    """As MLPerf's `accuracy-imagenet.py` prints it; each answer is a class, an int64."""
    given = np.frombuffer(b"".join(answers), np.int64)
    good, total = int((given == labels.astype(np.int64)).sum()), len(given)
    return f"accuracy={100.0 * good / total:.3f}%, good={good}, total={total}"


def _answers(content: bytes, total: int) -> list[bytes]:
    """Every answer, by the number of its sample."""
    try:
        entries = msgspec.json.decode(content, type=list[_Entry])
        found = {entry.qsl_idx: bytes.fromhex(entry.data) for entry in entries}
    except (msgspec.DecodeError, ValueError) as error:
        raise BadAccuracyLog(f"{ACCURACY_LOG} cannot be read: {error}") from None
    if found.keys() != set(range(total)):
        raise BadAccuracyLog(f"{ACCURACY_LOG} holds answers to {len(found)} of {total} samples")
    return [found[number] for number in range(total)]
