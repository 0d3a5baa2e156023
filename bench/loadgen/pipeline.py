"""A session that takes files, or frames of cameras, and gives answers: preparation, engine and reading, in turn.

Everything here is inside the clock of the timed region `end_to_end`, and is the same code for every engine. How long
each part took is counted, so that a report can say what is not the engine's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter_ns

import numpy as np

from bench.backends.base import Arrays, Session, Tensor
from bench.models.end_to_end import CAMERA, ENCODED, FRAME, LENGTH, Reader
from bench.records.job import Stages
from bench.tasks.cameras import Cameras
from bench.tasks.pipelines import Pipeline


class PipelineSession:
    """Batches of at most `most` files, each prepared by one of `threads` threads where a batch has several.

    With `cameras`, which sessions share, a batch may hold frames of theirs instead.
    """

    def __init__(
        self,
        session: Session,
        pipeline: Pipeline,
        read: Reader | None,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        most: int,
        threads: int,
        cameras: Cameras | None = None,
    ) -> None:
        self._session, self._pipeline, self._read, self._cameras = session, pipeline, read, cameras
        self._outputs = [tensor.name for tensor in outputs]
        self._prepared = {tensor.name: np.empty((most, *tensor.shape), tensor.dtype) for tensor in inputs}
        several = min(threads, most)
        self._pool = ThreadPoolExecutor(several, thread_name_prefix="prepare") if several > 1 else None
        self.restart()

    def restart(self) -> None:
        """Count times anew from now on."""
        self._samples = self._prepare_ns = self._engine_ns = self._answer_ns = 0

    def stages(self) -> Stages:
        """What was counted since `restart`."""
        return Stages(
            samples=self._samples,
            prepare_ns=self._prepare_ns,
            engine_ns=self._engine_ns,
            answer_ns=self._answer_ns,
        )

    def run(self, batch: Arrays, out: Arrays) -> None:
        """Answer files into the network's outputs and what is read from them. Raises as pipeline and session do."""
        begun = perf_counter_ns()
        count = len(next(iter(batch.values())))
        prepared = {name: array[:count] for name, array in self._prepared.items()}
        self._prepare(count, self._files(batch, prepared) if ENCODED in batch else self._frames(batch, prepared))
        ready = perf_counter_ns()
        outputs = {name: out[name] for name in self._outputs}
        self._session.run(prepared, outputs)
        answered = perf_counter_ns()
        if self._read is not None:
            for name, answer in self._read(outputs).items():
                out[name][:] = answer
        ended = perf_counter_ns()
        self._samples += count
        self._prepare_ns += ready - begun
        self._engine_ns += answered - ready
        self._answer_ns += ended - answered

    def close(self) -> None:
        """Close the engine's session."""
        if self._pool is not None:
            self._pool.shutdown()
        self._session.close()

    def _files(self, batch: Arrays, prepared: Arrays) -> Callable[[int], None]:
        encoded, lengths = batch[ENCODED], batch[LENGTH].tolist()

        def one(place: int) -> None:
            # Views of numbers too, which a plain index would copy.
            sample = {name: array[place, ...] for name, array in prepared.items()}
            self._pipeline.prepare(encoded[place, : lengths[place]].tobytes(), sample)

        return one

    def _frames(self, batch: Arrays, prepared: Arrays) -> Callable[[int], None]:
        assert self._cameras is not None
        cameras, (pictures,) = self._cameras, prepared.values()
        asked = list(zip(batch[CAMERA].tolist(), batch[FRAME].tolist(), strict=True))

        def one(place: int) -> None:
            cameras.prepare(*asked[place], pictures[place])

        return one

    def _prepare(self, count: int, one: Callable[[int], None]) -> None:
        if self._pool is None or count == 1:
            for place in range(count):
                one(place)
        else:
            for _ in self._pool.map(one, range(count)):
                pass


def total(sessions: Sequence[Session]) -> Stages | None:
    """The stages of all sessions together; None where they take no files."""
    counted = [session.stages() for session in sessions if isinstance(session, PipelineSession)]
    if not counted:
        return None
    return Stages(
        samples=sum(one.samples for one in counted),
        prepare_ns=sum(one.prepare_ns for one in counted),
        engine_ns=sum(one.engine_ns for one in counted),
        answer_ns=sum(one.answer_ns for one in counted),
    )


def restart(sessions: Sequence[Session]) -> None:
    """Count the stages of all sessions anew."""
    for session in sessions:
        if isinstance(session, PipelineSession):
            session.restart()
