"""Weights on coarser grids, for the tables of the cards: what rounding alone costs a network."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

Network = TypeVar("Network", bound=nn.Module)


@torch.no_grad()
def rounded(network: Network, bits: int, per_channel: bool = False) -> Network:
    """Return a copy whose convolutions and linear layers have 2^bits - 1 evenly spaced weights.

    The grid is symmetric and ends at the largest weight of the tensor, or of each output channel; no calibration.
    """
    result = copy.deepcopy(network)
    levels = 2 ** (bits - 1) - 1
    for module in result.modules():
        if isinstance(module, (nn.modules.conv._ConvNd, nn.Linear)):
            weight = module.weight
            peak = weight.abs().flatten(1).amax(1) if per_channel else weight.abs().amax()
            scale = (peak / levels).clamp_min(1e-12).reshape(-1, *[1] * (weight.ndim - 1))
            weight.copy_((weight / scale).round() * scale)
    return result
