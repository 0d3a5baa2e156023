"""Does the engine gain from having seen a sample before? Then the timed figure is not that of new inputs."""

from __future__ import annotations

import msgspec

from bench.loadgen.lane import Lane
from bench.loadgen.pairs import PAIRS, time_ratio
from bench.loadgen.samples import LoadedSet
from bench.models.base import Workload
from bench.records.hashing import derive_seed

_RUN_S = 0.2
_MOST_FRESH = 64  # samples of a run; they are made outside the clock, and kept while the engine lives


def repeated_input_gain(lane: Lane, row_s: float) -> float:
    """Lower end of the 95 % interval of time(distinct) / time(one sample repeated), from ten pairs; 1.0 is no gain."""
    repeated = msgspec.structs.replace(lane, samples=_one_sample(lane.samples))
    return time_ratio(lambda pair: lane, lambda pair: repeated, lane.whole_queries(_RUN_S / row_s))


def fresh_input_gain(lane: Lane, row_s: float, workload: Workload, seed: int) -> float:
    """Lower end of the 95 % interval of time(samples never seen before) / time(the loaded set), from ten pairs.

    A cache that holds the whole loaded set gains as much on distinct samples as on one that is repeated; only new ones
    show it, whether it goes by what a sample holds or by where it lies.
    """
    batch = lane.samples.batch
    rows = lane.whole_queries(min(_RUN_S / row_s, max(1.0, _MOST_FRESH / batch)))
    sets = [_fresh(lane.samples, workload, rows * batch, derive_seed(seed, "fresh", pair)) for pair in range(PAIRS)]
    lanes = [msgspec.structs.replace(lane, samples=samples) for samples in sets]
    return time_ratio(lambda pair: lanes[pair], lambda pair: lane, rows)


def _fresh(samples: LoadedSet, workload: Workload, count: int, seed: int) -> LoadedSet:
    inputs = workload.load_inputs(count, seed % 2**31)
    return LoadedSet(inputs, samples.batch, seed=seed, layout=samples.layout)


def _one_sample(samples: LoadedSet) -> LoadedSet:
    first = {name: array[:1] for name, array in samples.row(0).items()}
    return LoadedSet(first, samples.batch, seed=0, layout=samples.layout)
