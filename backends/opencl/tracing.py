"""Where a network's time goes on a device: the driver's own clock around every kernel and copy."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping
from time import perf_counter_ns
from typing import TYPE_CHECKING

import numpy as np

from bench.backends.base import Model, Options
from bench.backends.opencl.compiled import Compiled
from bench.backends.opencl.device import Found
from bench.backends.opencl.errors import failure
from bench.backends.opencl.graph import Array
from bench.backends.opencl.plan import Buffer, Launch, Plan
from bench.backends.opencl.running import enqueue
from bench.backends.opencl.tiles import Tiles
from bench.records.opencl import Layer, Trace

if TYPE_CHECKING:
    import pyopencl

# Rounds before those that count: the first ones find caches cold and clocks low.
_WARM = 2


def trace(model: Model, found: Found, options: Options, rounds: int, tiles: Tiles | None = None) -> Trace:
    """Answer seeded noise `rounds` times with the device's clock on. Raises EngineError."""
    plan, times, whole = timed(model, found, options, rounds, tiles or Tiles())
    return Trace(
        device=found.device.title,
        samples=plan.samples,
        rounds=rounds,
        round_ns=statistics.median(whole),
        layers=_layers(plan, {key: statistics.median(each) for key, each in times.items()}),
    )


def timed(
    model: Model, found: Found, options: Options, rounds: int, tiles: Tiles
) -> tuple[Plan, dict[str | int, list[float]], list[float]]:
    """The plan; times in ns by the number of a step, or the text of a copy; those of whole rounds."""
    import pyopencl

    compiled = Compiled(model, found, options, tiles, profiled=True)
    session = compiled.open(0)
    samples = options.max_batch
    made = session.prepare(samples)
    rng = np.random.default_rng(0)
    batch = {one.name: _noise(rng, (samples, *one.shape), one.dtype) for one in model.inputs}
    out = {one.name: np.empty((samples, *one.shape), one.dtype) for one in model.outputs}
    times: defaultdict[str | int, list[float]] = defaultdict(list)
    whole: list[float] = []
    try:
        for number in range(_WARM + rounds):
            events: dict[str | int, pyopencl.Event | float] = {}
            begun = perf_counter_ns()
            enqueue(session.queue, made, batch, out, events.__setitem__)
            if number >= _WARM:
                whole.append(perf_counter_ns() - begun)
                for key, event in events.items():
                    times[key].append(_lasted(event))
    except pyopencl.Error as error:
        raise failure(error, "opencl") from error
    finally:
        session.close()
        compiled.close()
    return made.plan, dict(times), whole


def _noise(rng: np.random.Generator, shape: tuple[int, ...], dtype: str) -> Array:
    if np.dtype(dtype).kind == "f":
        return rng.standard_normal(shape).astype(dtype)
    return rng.integers(0, 2 if dtype == "bool" else 100, shape).astype(dtype)


def _lasted(event: pyopencl.Event | float) -> float:
    """Nanoseconds; nodes of the host bring theirs along."""
    return event if isinstance(event, float) else float(event.profile.end - event.profile.start)


def _layers(plan: Plan, medians: Mapping[str | int, float]) -> tuple[Layer, ...]:
    """In the order in which they happen; `medians` by the number of a step, or the text of a copy."""
    copies = {f"\u2192 {name}": one for name, one in plan.inputs.items()}
    copies |= {f"\u2190 {name}": one for name, one in plan.outputs.items() if one is not None}
    layers = []
    for key, ns in medians.items():
        if isinstance(key, str):
            layers.append(Layer(label=key, kernel="copy", ns=ns, nbytes=copies[key].nbytes))
            continue
        step = plan.steps[key]
        if isinstance(step, Launch):
            layers.append(Layer(label=step.label, kernel=step.kernel.kind, ns=ns, macs=step.macs, nbytes=_moved(step)))
        else:
            layers.append(Layer(label=step.label, kernel="host", ns=ns))
    return tuple(layers)


def _moved(step: Launch) -> int:
    return sum(one.nbytes for one in {one for one in step.arguments if isinstance(one, Buffer)})
