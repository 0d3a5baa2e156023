"""MobileFaceNet (Chen et al. 2018) on uint8 pictures, ReLU6 for PReLU; batch norms for training, or folded for use.

Normalisation, of the picture and of the embedding's length, is part of it; training and export: `train`, `build`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.models.blocks import Convolution, inverted_residuals
from bench.models.weights import load_weights

DIMENSIONS = 128
# Expansion, channels, blocks, stride of the first: table 1 of the paper.
_STAGES = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))
_FIRST, _LAST = 64, 512
# The side of the last map, of a picture 112 pixels wide.
SIDE = 7


class Features(nn.Module):
    """Pictures (batch, 3, h, w), 0 to 255, to maps (batch, 512, h/16, w/16)."""

    mean: Tensor
    scale: Tensor

    def __init__(self, folded: bool) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 120.0))
        self.register_buffer("scale", torch.full((1, 3, 1, 1), 1 / 64.0))
        self.stem = Convolution(3, _FIRST, 3, folded, stride=2)
        self.depthwise = Convolution(_FIRST, _FIRST, 3, folded, groups=_FIRST)
        self.blocks = inverted_residuals(_FIRST, _STAGES, folded)
        self.last = Convolution(_STAGES[-1][1], _LAST, 1, folded)

    def forward(self, image: Tensor) -> Tensor:
        """Return the maps."""
        x = (image - self.mean) * self.scale
        y: Tensor = self.last(self.blocks(self.depthwise(self.stem(x))))
        return y


class Embedding(nn.Module):
    """Maps (batch, 512, 7, 7) to embeddings (batch, 128): each channel weighted over the whole map, then mixed."""

    def __init__(self, folded: bool) -> None:
        super().__init__()
        self.whole = nn.Conv2d(_LAST, _LAST, SIDE, groups=_LAST, bias=folded)
        self.norm: nn.Module = nn.Identity() if folded else nn.BatchNorm2d(_LAST)
        self.mix = nn.Conv2d(_LAST, DIMENSIONS, 1, bias=folded)
        self.last: nn.Module = nn.Identity() if folded else nn.BatchNorm2d(DIMENSIONS)

    def forward(self, maps: Tensor) -> Tensor:
        """Return embeddings of any length."""
        y: Tensor = self.last(self.mix(self.norm(self.whole(maps))))
        return y.flatten(1)


class MobileFaceNet(nn.Module):
    """Pictures uint8 (batch, 3, 112, 112) to embeddings (batch, 128) of length 1."""

    def __init__(self, folded: bool = False) -> None:
        super().__init__()
        self.features = Features(folded)
        self.embedding = Embedding(folded)

    def forward(self, image: Tensor) -> Tensor:
        """Return embeddings."""
        y: Tensor = self.embedding(self.features(image))
        length = torch.sqrt((y * y).sum(dim=1, keepdim=True) + 1e-12)
        return y / length


def untrained(seed: int) -> MobileFaceNet:
    """The network with batch norms and starting weights drawn from `seed`."""
    network = MobileFaceNet()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
    return network


def load_shipped(graph: Path) -> MobileFaceNet:
    """Return the folded network with exactly the weights that `graph`, the workload's own file, holds."""
    network = MobileFaceNet(folded=True).eval()
    load_weights(network, graph)
    return network
