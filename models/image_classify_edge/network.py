"""MobileNetV2 1.0 (Sandler et al. 2018) on uint8 pictures, with batch norms for training or folded for use.

Normalisation is part of the network; training and export are in `train` and `build`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from bench.models.blocks import Convolution, InvertedResidual, inverted_residuals
from bench.models.image_classify_edge.data import CLASS_NAMES
from bench.models.weights import load_weights

# Expansion, channels, blocks, stride of the first: table 2 of the paper.
_STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))
_FIRST, _LAST = 32, 1280


class MobileNetV2(nn.Module):
    """Pictures uint8 (batch, 3, 224, 224) to logits (batch, classes)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, folded: bool = False, classes: int = len(CLASS_NAMES)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 115.0))
        self.register_buffer("scale", torch.full((1, 3, 1, 1), 1 / 60.0))
        self.stem = Convolution(3, _FIRST, 3, folded, stride=2)
        self.blocks = inverted_residuals(_FIRST, _STAGES, folded)
        self.last = Convolution(_STAGES[-1][1], _LAST, 1, folded)
        self.head = nn.Linear(_LAST, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        x = (image - self.mean) * self.scale
        x = self.last(self.blocks(self.stem(x)))
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


def untrained(seed: int) -> MobileNetV2:
    """The network with batch norms and starting weights drawn from `seed`.

    Blocks that are added to their input start as the identity. Together with gains that learn faster than weights that
    gave 0.16 right answers after the first 1000 steps, where both as usual gave 0.05.
    """
    network = MobileNetV2()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            # Torch counts outputs of a depthwise convolution as if each saw all channels; inputs it counts right.
            mode: Literal["fan_in", "fan_out"] = "fan_in" if module.groups > 1 else "fan_out"
            nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu", generator=generator)
        elif isinstance(module, InvertedResidual) and module.residual:
            nn.init.zeros_(module.project.norm.get_parameter("weight"))
    nn.init.normal_(network.head.weight, std=0.01, generator=generator)
    nn.init.zeros_(network.head.bias)
    return network


def load_shipped(graph: Path) -> MobileNetV2:
    """Return the folded network with exactly the weights that `graph`, the workload's own file, holds."""
    network = MobileNetV2(folded=True).eval()
    load_weights(network, graph)
    return network
