"""Is one load faster than another on the same engine? Told from interleaved pairs of short runs after warm-up, so that
drift of the machine favours neither side.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from bench.loadgen.driver import drive
from bench.loadgen.lane import Lane
from bench.loadgen.timeline import in_memory
from bench.scoring.distributions import t_quantile

PAIRS = 10


def time_ratio(slower: Callable[[int], Lane], faster: Callable[[int], Lane], rows: int) -> float:
    """Lower end of the 95 % interval of time(slower) / time(faster) over `rows` rows; 1.0 is no difference.

    Each of the two gives its lane for the number of a pair.
    """
    logs = []
    for pair in range(PAIRS):
        lanes = (slower(pair), faster(pair))
        order = (1, 0) if pair % 2 else (0, 1)
        taken = {side: seconds(lanes[side], rows) for side in order}
        logs.append(math.log(taken[0] / taken[1]))
    half = t_quantile(0.95, PAIRS - 1) * float(np.std(logs, ddof=1)) / math.sqrt(PAIRS)
    return math.exp(float(np.mean(logs)) - half)


def seconds(lane: Lane, rows: int) -> float:
    """How long `rows` rows of a lane take, from the first start to the last end."""
    timeline = in_memory(rows)
    drive(lane, timeline)
    return max(int(timeline.ended.max()) - int(timeline.started.min()), 1) / 1e9
