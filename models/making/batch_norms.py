"""Batch norms of a trained network measured anew, on inputs as the network will meet them in use."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_BATCH = 24


@torch.no_grad()
def recalibrate(network: nn.Module, inputs: NDArray[np.generic]) -> None:
    """Set every batch norm to the plain average over `inputs` (n, …): crops see other borders than whole pictures."""
    place = next(network.parameters()).device
    for norm in network.modules():
        if isinstance(norm, nn.modules.batchnorm._BatchNorm):
            norm.reset_running_stats()
            norm.momentum = None  # plain average over all batches
    network.train()
    for first in range(0, len(inputs), _BATCH):
        network(torch.from_numpy(np.array(inputs[first : first + _BATCH])).to(place))
    network.eval()
