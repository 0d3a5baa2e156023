"""Does the engine gain from seeing one sample again and again? Then the timed figure is not that of distinct inputs.

Measured in interleaved pairs of short runs after warm-up, so that drift of the machine favours neither side.
"""

from __future__ import annotations

import math

import msgspec
import numpy as np

from bench.loadgen.driver import drive
from bench.loadgen.lane import Lane
from bench.loadgen.samples import LoadedSet
from bench.loadgen.timeline import in_memory
from bench.scoring.distributions import t_quantile

_PAIRS = 10
_RUN_S = 0.2


def repeated_input_gain(lane: Lane, row_s: float) -> float:
    """Lower end of the 95 % interval of time(distinct) / time(one sample repeated), from ten pairs; 1.0 is no gain."""
    repeated = msgspec.structs.replace(lane, samples=_one_sample(lane.samples))
    rows = lane.whole_queries(_RUN_S / row_s)
    logs = []
    for pair in range(_PAIRS):
        order = (lane, repeated) if pair % 2 else (repeated, lane)
        taken = {id(one): _seconds(one, rows) for one in order}
        logs.append(math.log(taken[id(lane)] / taken[id(repeated)]))
    half = t_quantile(0.95, _PAIRS - 1) * float(np.std(logs, ddof=1)) / math.sqrt(_PAIRS)
    return math.exp(float(np.mean(logs)) - half)


def _one_sample(samples: LoadedSet) -> LoadedSet:
    first = {name: array[:1] for name, array in samples.row(0).items()}
    return LoadedSet(first, samples.batch, seed=0, layout=samples.layout)


def _seconds(lane: Lane, rows: int) -> float:
    timeline = in_memory(rows)
    drive(lane, timeline)
    return max(int(timeline.ended.max()) - int(timeline.started.min()), 1) / 1e9
