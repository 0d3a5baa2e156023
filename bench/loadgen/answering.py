"""Answering inputs outside the clock: the evaluation set, the loaded set, and secret rows of the timed run again."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Model, Session
from bench.loadgen.outputs import OutputRing
from bench.loadgen.samples import LoadedSet, Named
from bench.records.job import Verification
from bench.scoring.numeric import unfinished, worst_sample_errors
from bench.tasks.base import Outputs, joined

_CHUNK = 64


def chosen_indices(total: int, count: int, seed: int, group: int = 1) -> NDArray[np.int64]:
    """`count` of `total` evaluation samples, sorted, in whole groups of `group` neighbours; all when that is not less.

    What `count` leaves of a group is not taken.
    """
    if count >= total:
        return np.arange(total, dtype=np.int64)
    groups = np.random.default_rng(seed).choice(total // group, size=count // group, replace=False)
    members = np.sort(groups).astype(np.int64)[:, None] * group + np.arange(group)
    return members.ravel()


def chunk_of(batch: int) -> int:
    """How many samples are made at a time: whole batches, about 64."""
    return max(batch, _CHUNK // batch * batch)


def answer_all(
    session: Session,
    model: Model,
    indices: NDArray[np.int64],
    inputs: Callable[[NDArray[np.int64]], Mapping[str, NDArray[np.generic]]],
    batch: int,
) -> Named:
    """Outputs for `indices`, (len(indices), …) each, in batches of `batch`; inputs are made a chunk at a time."""
    answers: Named = {t.name: np.empty((len(indices), *t.shape), t.dtype) for t in model.outputs}
    chunk = chunk_of(batch)
    for lo in range(0, len(indices), chunk):
        part = inputs(indices[lo : lo + chunk])
        _answer_chunk(session, model, part, {name: array[lo : lo + chunk] for name, array in answers.items()}, batch)
    return answers


def answer_condensed(
    session: Session,
    model: Model,
    indices: NDArray[np.int64],
    inputs: Callable[[NDArray[np.int64]], Mapping[str, NDArray[np.generic]]],
    batch: int,
    condense: Callable[[Outputs], Named],
) -> tuple[Named, int]:
    """As `answer_all`, a chunk at a time condensed; and how many samples' raw outputs held NaN or infinity."""
    parts: list[Named] = []
    bad = 0
    for lo in range(0, len(indices), chunk_of(batch)):
        raw = answer_all(session, model, indices[lo : lo + chunk_of(batch)], inputs, batch)
        bad += unfinished(raw)
        parts.append(condense(raw))
    return joined(parts), bad


def answer_loaded(session: Session, model: Model, samples: LoadedSet, heartbeat: Callable[[], None]) -> Named:
    """Outputs for every sample of the loaded set, (count, …) each in issue order; `heartbeat` is called per batch."""
    answers: Named = {t.name: np.empty((samples.count, *t.shape), t.dtype) for t in model.outputs}
    ring = OutputRing(model.outputs, samples.batch)
    for row in range(math.ceil(samples.count / samples.batch)):
        heartbeat()
        ring.poison()
        session.run(samples.row(row), ring.slots[0])
        for name, array in answers.items():
            array[samples.positions(row * samples.batch, samples.batch)] = ring.slots[0][name]
    return answers


def verify(
    session: Session, model: Model, samples: LoadedSet, kept: Mapping[int, Named], first: Named, tolerance: float
) -> Verification:
    """Compare each kept row, sample by sample, with a second run of it and with `first`, of `answer_loaded`.

    Of several outputs, and of both comparisons, the worst counts. Only the earlier answers show an engine whose answers
    changed for good after its quality was checked.
    """
    ring = OutputRing(model.outputs, samples.batch)
    errors: list[NDArray[np.float64]] = []
    for number, timed in kept.items():
        count = len(next(iter(timed.values())))
        ring.poison()
        again = ring.part(0, count)
        session.run(samples.span(number, count), again)
        before = {name: array[samples.positions(number, count)] for name, array in first.items()}
        errors.append(np.maximum(worst_sample_errors(timed, again), worst_sample_errors(timed, before)))
    if not errors:
        return Verification(samples=0, mismatched=0, largest_error=0.0)
    flat = np.concatenate(errors)
    largest = float(flat.max()) if np.isfinite(flat).all() else None
    return Verification(samples=flat.size, mismatched=int((~(flat <= tolerance)).sum()), largest_error=largest)


def _answer_chunk(
    session: Session, model: Model, part: Mapping[str, NDArray[np.generic]], answers: Named, batch: int
) -> None:
    count = len(next(iter(part.values())))
    for lo in range(0, count, batch):
        taken = min(batch, count - lo)
        # A file with a fixed batch axis gets its last batch filled up with repeats, which are not kept.
        size = batch if model.fixed_batch else taken
        rows = np.minimum(np.arange(lo, lo + size), count - 1)
        out = OutputRing(model.outputs, size)
        out.poison()
        session.run({name: array[rows] for name, array in part.items()}, out.slots[0])
        for name, array in answers.items():
            array[lo : lo + taken] = out.slots[0][name][:taken]
