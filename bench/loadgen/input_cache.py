"""Does the engine gain from having seen a sample before? Then the timed figure is not that of new inputs."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Varying
from bench.loadgen.lane import Lane
from bench.loadgen.pairs import PAIRS, time_ratio
from bench.loadgen.samples import LoadedSet, Named
from bench.models.base import Workload
from bench.records.hashing import derive_seed

_RUN_S = 0.2
_MOST_FRESH = 64  # samples of a run; they are made outside the clock, and kept while the engine lives


def comparable(samples: LoadedSet, varying: Varying | None) -> bool:
    """Whether sets of samples can be made that ask for the same work: not of files that last differently long."""
    return varying is None or varying.length in samples.row(0)


def repeated_input_gain(lane: Lane, row_s: float, varying: Varying | None = None) -> float | None:
    """Lower end of the 95 % interval of time(distinct) / time(one sample repeated), from ten pairs; 1.0 is no gain.

    Another sample is repeated in each pair, for what one of them costs more or less than the others is no cache; and
    samples of `varying` length are all taken as long as half of them are, for a batch costs what its longest one does.
    None where they cannot be made alike.
    """
    distinct = lane.samples
    if not comparable(distinct, varying):
        return None
    if varying is not None:
        alike = _as_long(distinct.gathered(range(distinct.count)), varying, _typical(distinct, varying))
        distinct = LoadedSet(alike, distinct.batch, seed=None, layout=distinct.layout)
    whole = msgspec.structs.replace(lane, samples=distinct)
    repeated = [msgspec.structs.replace(lane, samples=_one_sample(distinct, pair)) for pair in range(PAIRS)]
    return time_ratio(lambda pair: whole, lambda pair: repeated[pair], lane.whole_queries(_RUN_S / row_s))


def fresh_input_gain(
    lane: Lane, row_s: float, workload: Workload, seed: int, varying: Varying | None = None
) -> float | None:
    """Lower end of the 95 % interval of time(samples never seen before) / time(the loaded set), from ten pairs.

    A cache that holds the whole loaded set gains as much on distinct samples as on one that is repeated; only new ones
    show it, whether it goes by what a sample holds or by where it lies. Samples of `varying` length never seen before
    are as long as those of the loaded set in their places. None where they cannot be made alike.
    """
    if not comparable(lane.samples, varying):
        return None
    batch = lane.samples.batch
    rows = lane.whole_queries(min(_RUN_S / row_s, max(1.0, _MOST_FRESH / batch)))
    sets = [
        _fresh(lane.samples, workload, rows * batch, derive_seed(seed, "fresh", pair), varying) for pair in range(PAIRS)
    ]
    lanes = [msgspec.structs.replace(lane, samples=samples) for samples in sets]
    return time_ratio(lambda pair: lanes[pair], lambda pair: lane, rows)


def _fresh(samples: LoadedSet, workload: Workload, count: int, seed: int, varying: Varying | None) -> LoadedSet:
    inputs = workload.load_inputs(count, seed % 2**31)
    if varying is None:
        return LoadedSet(inputs, samples.batch, seed=seed, layout=samples.layout)
    known = samples.of_all(varying.length)
    return LoadedSet(
        _as_long(inputs, varying, np.resize(known, count)), samples.batch, seed=None, layout=samples.layout
    )


def _typical(samples: LoadedSet, varying: Varying) -> NDArray[np.generic]:
    """How long the sample in the middle is, if they were put in the order of their lengths."""
    lengths = np.sort(samples.of_all(varying.length))
    return lengths[[len(lengths) // 2]]


def _as_long(samples: Named, varying: Varying, lengths: NDArray[np.generic]) -> Named:
    """The samples, said to be as long as `lengths`, (n,) or (1,): what is beyond a sample's own end is silence."""
    said = samples[varying.length]
    return {**samples, varying.length: np.broadcast_to(lengths, said.shape).astype(said.dtype)}


def _one_sample(samples: LoadedSet, number: int) -> LoadedSet:
    one = samples.gathered([number % samples.count])
    return LoadedSet(one, samples.batch, seed=0, layout=samples.layout)
