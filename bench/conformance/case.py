"""One workload on one device in one precision, opened twice, and ways to have batches answered under its eyes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Backend, Compiled, Model, Options, Session
from bench.backends.trimming import compile_trimmed
from bench.loadgen.outputs import OutputRing
from bench.loadgen.samples import Named
from bench.models.base import Workload
from bench.records.host import Device
from bench.records.plan import Setting
from bench.scoring.numeric import worst_sample_errors
from bench.tasks import TASKS
from bench.tasks.base import joined
from bench.tasks.error_class import ErrorClass

MAX_BATCH = 4
SAMPLES = 24
_SIZES = (1, 3, MAX_BATCH)


class Failed(Exception):
    """A check that was not passed; the message says what was seen."""


class Skipped(Exception):
    """A check that cannot be made here; the message says why."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A compiled model with two sessions, the first evaluation samples and their reference answers.

    Where raw answers are kept of fewer, these few come again and again. `weights_bytes` is what the model's weights
    take in fp32; `top_answers`: the largest of the first output's numbers is the answer.
    `error_class`: what raw outputs are held to, by precision.
    """

    backend: Backend
    device: Device
    options: Options
    model: Model
    compiled: Compiled
    sessions: tuple[Session, Session]
    inputs: Named
    expected: Named | None
    weights_bytes: int
    top_answers: bool
    error_class: Callable[[str], ErrorClass]

    @property
    def held(self) -> ErrorClass:
        """What the network's raw outputs are held to in the precision that is executed."""
        return self.error_class(self.compiled.facts.precision_executed)

    def ask(self, session: Session, sizes: Sequence[int], first: int = 0) -> Named:
        """Answers for sum(sizes) samples from `first` on. Raises Failed where a session returns or leaves something."""
        parts = []
        for size in sizes:
            ring = OutputRing(self.model.outputs, size)
            ring.poison()
            # Copies: a session that writes into its inputs would spoil the checks after this one.
            batch = {name: array[first : first + size].copy() for name, array in self.inputs.items()}
            returned: object = session.run(batch, ring.slots[0])  # type: ignore[func-returns-value]
            if returned is not None:
                raise Failed(f"run() returned {type(returned).__name__}; answers go into `out` alone")
            ring.settle(1)
            if ring.bad_samples:
                raise Failed(f"{ring.bad_samples} of {size} samples of a batch were left unwritten or are not finite")
            parts.append(ring.slots[0])
            first += size
        return joined(parts)

    def at_once(self, rounds: int) -> tuple[Named, Named]:
        """What both sessions answered last while they ran at once, the second on other samples than the first."""
        found: dict[int, Named] = {}
        errors: list[Exception] = []

        def work(worker: int) -> None:
            try:
                for _ in range(rounds):
                    found[worker] = self.ask(self.sessions[worker], (MAX_BATCH, MAX_BATCH), worker * 2 * MAX_BATCH)
            except Exception as error:  # noqa: BLE001 - told by the thread that waits
                errors.append(error)

        threads = [threading.Thread(target=work, args=(worker,)) for worker in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        return found[0], found[1]


def open_case(
    backend: Backend, device: Device, workload: Workload, precision: str, settings: dict[str, Setting]
) -> Case:
    """Compile and open; raises whatever the backend raises."""
    options = Options(precision=precision, max_batch=MAX_BATCH, workers=2, threads=1, settings=settings)
    model, reference = workload.model(precision), workload.reference()
    raw = len(next(iter(reference.outputs.values()))) if reference else workload.spec.quality.evaluation_samples
    indices = np.arange(SAMPLES if raw < SAMPLES else min(SAMPLES, raw)) % raw
    compiled = compile_trimmed(backend, model, device, options)
    return Case(
        backend=backend,
        device=device,
        options=options,
        model=model,
        compiled=compiled,
        sessions=(compiled.open(0), compiled.open(1)),
        inputs=workload.evaluation_inputs(indices),
        weights_bytes=4 * workload.spec.model.parameters,
        top_answers=TASKS[workload.spec.task].single_answers,
        error_class=workload.spec.error_class,
        expected=None if reference is None else {n: array[indices] for n, array in reference.outputs.items()},
    )


def close_case(case: Case) -> str:
    """Close both sessions, then the compiled model."""
    for session in case.sessions:
        session.close()
    case.compiled.close()
    return ""


def sample_errors_from(found: Named, expected: Named, first: int = 0) -> NDArray[np.float64]:
    """Relative error of each sample's worst output, (samples,), against `expected` from sample `first` on."""
    return worst_sample_errors(found, {n: expected[n][first : first + len(array)] for n, array in found.items()})


def worst_error(found: Named, expected: Named, first: int = 0) -> float:
    """Largest relative error of any sample of any output against `expected` from sample `first` on."""
    return float(sample_errors_from(found, expected, first).max())


def mixed_sizes() -> tuple[int, ...]:
    """Batches of 1, 3 and the largest, in turn, over all samples."""
    return _SIZES * (SAMPLES // sum(_SIZES))
