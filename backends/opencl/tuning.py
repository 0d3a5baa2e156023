"""Tiles by measurement: the whole network under one rule after the other; each layer keeps the rule it ran best under.

Layers run among their neighbours and on the memory that they will have, not alone in a loop. A rule costs a program.
"""

from __future__ import annotations

from time import monotonic

from bench.backends.base import Model, Options
from bench.backends.opencl.device import Found
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.plan import Launch
from bench.backends.opencl.tables import Table, made_on
from bench.backends.opencl.tiles import Tiles, rules
from bench.backends.opencl.tracing import timed
from bench.records.opencl import Tuned


def tune(
    model: Model,
    found: Found,
    options: Options,
    budget_s: float,
    rounds: int,
) -> tuple[Table, Tuned]:
    """Measure rules until there are no more or the time is up; the default's measurement is made in any case.

    A layer's time under a rule is the shortest of the rounds: what else runs on the host only ever adds.
    """
    begun, every = monotonic(), rules(found.traits)
    best: dict[str, tuple[float, Tile]] = {}
    first: dict[str, float] = {}
    tried = 0
    for rule in every:
        if tried and monotonic() - begun > budget_s:
            break
        plan, times, _ = timed(model, found, options, rounds, Tiles(rule=rule))
        for number, step in enumerate(plan.steps):
            if isinstance(step, Launch) and step.tile is not None:
                took = min(times[number])
                first.setdefault(step.key, took)
                if took < best.get(step.key, (float("inf"), step.tile))[0]:
                    best[step.key] = took, step.tile
        tried += 1
    platform, device, driver = made_on(found)
    tiles = {key: tile for key, (_, tile) in sorted(best.items())}
    return Table(platform=platform, device=device, driver=driver, tiles=tiles), Tuned(
        batch=options.max_batch,
        device=found.device.title,
        layers=len(tiles),
        tried=tried,
        rules=len(every),
        before_ns=sum(first.values()),
        after_ns=sum(took for took, _ in best.values()),
    )
