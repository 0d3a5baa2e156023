"""What may be varied in a measurement, and the candidates along each axis from where the search stands.

Nothing here measures; what the user fixed is no axis.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from bench.models.base import Workload
from bench.planning import BadPlan, share_of_query
from bench.records.plan import MOST_BATCH, OPEN_LOOPS, Measurement, RunPlan, Scenario
from bench.records.tuning import Choice

# Several concurrent workloads would have to be tuned together: they are not here.
_TUNED: frozenset[Scenario] = frozenset(
    {"single_stream", "multi_stream", "offline", "server", "streams", "ramp", "trace"}
)
# An accelerator may need more sessions than the host has cores for them.
_LEAST_MOST_WORKERS = 4
_COARSE, _FINE = (1 / 16, 1 / 4, 4, 16), (1 / 2, 2)
# A batch that waits for longer than a quarter of its bound has little of it left.
_WAITS = (1 / 16, 1 / 4)


class Axis(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to vary, by the name of its field, and the other candidates along it, seen from one of them."""

    field: str
    others: Callable[[Choice], list[Choice]]


def choice_of(measurement: Measurement) -> Choice:
    """What a measurement has of what can be chosen."""
    return Choice(**{name: getattr(measurement, name) for name in Choice.__struct_fields__})


def with_choice(measurement: Measurement, choice: Choice) -> Measurement:
    """The measurement as if the user had given `choice`."""
    samples = max(measurement.load_samples, choice.batch)
    return msgspec.structs.replace(measurement, load_samples=samples, **msgspec.structs.asdict(choice))


def axes(plan: RunPlan, measurement: Measurement, fixed_batch: int | None, cores: int) -> list[Axis]:
    """The axes of a measurement in the order in which they are searched; `cores` are those that can be used.

    `fixed_batch` is that of a model that takes no other. One query at a time leaves only the threads.
    """
    scenario, found = measurement.scenario, _Along(plan, measurement, fixed_batch, cores)
    if scenario not in _TUNED:
        return []
    several, batched = scenario != "single_stream", scenario == "offline" or scenario in OPEN_LOOPS
    return [
        axis
        for axis, free in (
            (Axis(field="workers", others=found.workers), several and plan.workers is None),
            (Axis(field="threads", others=found.threads), plan.threads is None),
            (Axis(field="batch", others=found.coarse_batches), batched and found.batch_free),
            (Axis(field="batch", others=found.fine_batches), batched and found.batch_free),
            (Axis(field="max_wait_ns", others=found.waits), scenario in OPEN_LOOPS and plan.max_wait_us is None),
        )
        if free
    ]


def candidates_of(
    plan: RunPlan, measurements: Sequence[Measurement], workloads: Mapping[str, Workload], cores: int
) -> tuple[dict[str, list[int]], ...]:
    """For each measurement what is tried first, by field; nothing where it is not tuned.

    Raises BadPlan where a plan asks for tuning and nothing is left to choose.
    """
    if not plan.tune:
        return tuple({} for _ in measurements)
    found = tuple(_first(plan, one, workloads[one.workload].model().fixed_batch, cores) for one in measurements)
    if not any(found):
        flags = " ".join(f"{flag} {value}" for flag, value in _fixed(plan) if value is not None)
        given = f" beside `{flags}`" if flags else ""
        names = ", ".join(one.name for one in measurements)
        raise BadPlan(
            f"`--tune` has nothing to choose{given} in {names}: "
            "leave out a flag, name another `--scenario`, or leave out `--tune`."
        )
    return found


def _first(plan: RunPlan, measurement: Measurement, fixed_batch: int | None, cores: int) -> dict[str, list[int]]:
    default, values = choice_of(measurement), dict[str, set[int]]()
    for axis in axes(plan, measurement, fixed_batch, cores):
        for other in axis.others(default):
            values.setdefault(axis.field, {getattr(default, axis.field)}).add(getattr(other, axis.field))
    return {field: sorted(several) for field, several in values.items()}


def _fixed(plan: RunPlan) -> list[tuple[str, float | None]]:
    return [
        ("--batch", plan.batch),
        ("--workers", plan.workers),
        ("--threads", plan.threads),
        ("--max-wait-us", plan.max_wait_us),
    ]


class _Along:
    """The candidates along each axis of one measurement."""

    def __init__(self, plan: RunPlan, measurement: Measurement, fixed_batch: int | None, cores: int) -> None:
        self._plan, self._measurement, self._cores = plan, measurement, cores
        self.batch_free = plan.batch is None and fixed_batch is None

    def workers(self, at: Choice) -> list[Choice]:
        most = max(_LEAST_MOST_WORKERS, self._cores // self._measurement.devices)
        return _but(at, [self._shared_out(at, workers) for workers in _doublings(most) if self._busy(at, workers)])

    def threads(self, at: Choice) -> list[Choice]:
        return _but(at, [_with(at, threads=threads) for threads in _halvings(self._all_threads(at.workers))])

    def coarse_batches(self, at: Choice) -> list[Choice]:
        return _batches(at, _COARSE)

    def fine_batches(self, at: Choice) -> list[Choice]:
        return _batches(at, _FINE)

    def waits(self, at: Choice) -> list[Choice]:
        if at.batch == 1:
            return []  # a batch of one is full at once
        bound_ns = self._measurement.latency_bound_ns or 0
        return _but(at, [_with(at, max_wait_ns=wait) for wait in (0, *(round(part * bound_ns) for part in _WAITS))])

    def _all_threads(self, workers: int) -> int:
        return max(1, self._cores // (workers * self._measurement.devices))

    def _shared_out(self, at: Choice, workers: int) -> Choice:
        threads = self._plan.threads or self._all_threads(workers)
        if self._measurement.scenario == "multi_stream" and self.batch_free:
            sessions = workers * self._measurement.devices
            return _with(at, workers=workers, threads=threads, batch=share_of_query(self._per_query, sessions))
        return _with(at, workers=workers, threads=threads)

    @property
    def _per_query(self) -> int:
        return self._measurement.samples_per_query

    def _busy(self, at: Choice, workers: int) -> bool:
        """Whether every worker has something to do: a query has only so many samples, or batches."""
        if self._measurement.scenario != "multi_stream":
            return True
        return workers * self._measurement.devices * (1 if self.batch_free else at.batch) <= self._per_query


def _with(at: Choice, **changes: int) -> Choice:
    return msgspec.structs.replace(at, **changes)


def _but(at: Choice, choices: list[Choice]) -> list[Choice]:
    return [choice for choice in dict.fromkeys(choices) if choice != at]


def _batches(at: Choice, factors: tuple[float, ...]) -> list[Choice]:
    sizes = (min(MOST_BATCH, max(1, round(at.batch * factor))) for factor in factors)
    return _but(at, [_with(at, batch=size) for size in sizes])


def _doublings(most: int) -> Iterator[int]:
    value = 1
    while value <= most:
        yield value
        value *= 2


def _halvings(most: int) -> Iterator[int]:
    while most:
        yield most
        most //= 2
