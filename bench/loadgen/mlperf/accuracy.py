"""The accuracy test of mode `mlperf`: LoadGen asks for every evaluation sample once and logs what it is answered.

It has a process of its own: LoadGen runs one test in the life of a process.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import numpy as np

from bench.loadgen.answering import answer_all
from bench.loadgen.mlperf.request import accuracy_request
from bench.loadgen.mlperf.session import Complete, Issue, run_test
from bench.loadgen.opening import Ready
from bench.loadgen.reporter import Reporter
from bench.loadgen.samples import Named
from bench.records.job import Job
from bench.tasks import TASKS
from bench.tasks.base import Outputs
from bench.tasks.classify import CLASSIFY, COMMAND, top_class

# A sign of life so often, while thousands of samples are answered one by one.
_HEARTBEAT_S = 5.0


def accuracy_test(job: Job, ready: Ready, reporter: Reporter) -> None:
    """Leave LoadGen's logs of an accuracy test in the job's folder. Raises as the engine does."""
    request = accuracy_request(job, ready.workload.spec.quality.evaluation_samples)
    answering = _Answering(job, ready, reporter)
    run_test(request, Path(job.folder), answering.load, answering.issuer)
    if answering.raised:
        raise answering.raised[0]


def encoded(task: str, outputs: Outputs) -> list[bytes]:
    """What LoadGen logs of each sample: the class as int64 where there is one, else all that the answers hold."""
    if task in (CLASSIFY.name, COMMAND.name):
        return [answer.tobytes() for answer in top_class(outputs)]
    condense = TASKS[task].condense
    arrays = condense(outputs) if condense is not None else outputs
    count = len(next(iter(arrays.values())))
    return [b"".join(np.ascontiguousarray(array[row]).tobytes() for array in arrays.values()) for row in range(count)]


class _Answering:
    """The system under test. What goes wrong is kept in `raised`: nothing may be raised through LoadGen."""

    def __init__(self, job: Job, ready: Ready, reporter: Reporter) -> None:
        self._job, self._ready, self._reporter = job, ready, reporter
        self._inputs: Named = {}
        self._at: dict[int, int] = {}
        self._last = 0.0
        self.raised: list[BaseException] = []

    def load(self, labels: list[int]) -> None:
        """The evaluation samples that LoadGen will ask for next."""
        self._alive()
        try:
            self._inputs = self._ready.workload.evaluation_inputs(np.array(labels, np.int64))
            self._at = {label: place for place, label in enumerate(labels)}
        except BaseException as error:  # noqa: BLE001 - see the class
            self.raised.append(error)

    def issuer(self, complete: Complete) -> Issue:
        def issue(ids: list[int], labels: list[int]) -> None:
            self._alive()
            answers: Sequence[bytes] = ()
            try:
                if not self.raised:  # an engine that failed once is not asked again
                    answers = self._answers(labels)
            except BaseException as error:  # noqa: BLE001 - see the class
                self.raised.append(error)
            complete(ids, answers)

        return issue

    def _answers(self, labels: list[int]) -> list[bytes]:
        ready = self._ready
        places = np.array([self._at[label] for label in labels], np.int64)
        outputs = answer_all(
            ready.lane.sessions[0],
            ready.model,
            places,
            lambda part: {name: array[part] for name, array in self._inputs.items()},
            self._job.measurement.batch,
        )
        return encoded(ready.workload.spec.task, outputs)

    def _alive(self) -> None:
        if monotonic() - self._last > _HEARTBEAT_S:
            self._reporter.phase("accuracy")
            self._last = monotonic()
