"""Plans of one network at several lengths of its samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from bench.backends.base import Model, Tensor
from bench.backends.opencl.device import Traits
from bench.backends.opencl.graph import Graph
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.network import planned
from bench.backends.opencl.plan import Plan
from bench.backends.opencl.tiles import Tiles

# Each plan has bordered pictures of its own and takes a tenth of a second, so all together are for about as many
# samples as this; larger batches, whose longest sample is seldom short, have at least so many lengths.
_MOST_SAMPLES, _LEAST_LENGTHS = 16, 4

# By the length in units: the plan, and the graph that it computes.
Plans = Mapping[int, tuple[Plan, Graph]]


def whole_length(model: Model) -> int:
    """Units of the longest samples; 1 where all are as long."""
    if model.varying is None:
        return 1
    name, unit = next(iter(model.varying.units.items()))
    return next(tensor.shape[0] for tensor in model.inputs if tensor.name == name) // unit


def chosen_lengths(whole: int, samples: int) -> tuple[int, ...]:
    """The lengths, in units, that batches of `samples` are planned for, longest first.

    They are an even number of units apart: what kernels spell out (the rest of a sum in fours, a window that reaches
    over the edge) mostly goes with that, and where it differs a length cannot share programs with the longest.
    """
    step = -(-whole // max(_LEAST_LENGTHS, _MOST_SAMPLES // samples))
    return tuple(range(whole, 0, -(step + step % 2)))


def plans_of(
    graph: Graph, model: Model, traits: Traits, samples: int, tiles: Tiles, like: Mapping[str, Tile] = {}
) -> Plans:
    """Plans for a batch size at each of its lengths, longest first, tiled as `like` and as the longest where that fits.

    Raises EngineError as `planned`.
    """
    lengths = chosen_lengths(whole_length(model), samples)
    longest = planned(graph, model, traits, samples, tiles, like)
    same = longest[0].tiles()
    others = {one: planned(graph, at_length(model, one), traits, samples, tiles, same) for one in lengths[1:]}
    return {lengths[0]: longest, **others}


def at_length(model: Model, units: int) -> Model:
    """The model with all that varies at a length of so many units."""
    return msgspec.structs.replace(
        model, inputs=forms(model, model.inputs, units), outputs=forms(model, model.outputs, units)
    )


def forms(model: Model, tensors: Sequence[Tensor], units: int) -> tuple[Tensor, ...]:
    """Tensors as they are at a length of so many units."""
    steps = model.varying.units if model.varying is not None else {}
    return tuple(
        msgspec.structs.replace(one, shape=(units * steps[one.name], *one.shape[1:])) if one.name in steps else one
        for one in tensors
    )
