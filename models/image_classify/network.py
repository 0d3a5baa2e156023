"""ResNet-50 v1.5 (stride in the 3×3 convolution) on uint8 pictures, with batch norms for training or folded for use.

Normalisation is part of the network; training and export are in `train` and `build`.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from bench.models.image_classify.data import CLASS_NAMES
from bench.models.weights import load_weights

_STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
_EXPANSION = 4


def _convolution(inputs: int, outputs: int, kernel: int, stride: int, fused: bool) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, bias=fused)


def _norm(channels: int, fused: bool) -> nn.Module:
    return nn.Identity() if fused else nn.BatchNorm2d(channels)


class Bottleneck(nn.Module):
    """1×1, 3×3 (with the stride), 1×1, added to the input or to its projection."""

    def __init__(self, inputs: int, width: int, stride: int, fused: bool) -> None:
        super().__init__()
        outputs = width * _EXPANSION
        self.conv1, self.norm1 = _convolution(inputs, width, 1, 1, fused), _norm(width, fused)
        self.conv2, self.norm2 = _convolution(width, width, 3, stride, fused), _norm(width, fused)
        self.conv3, self.norm3 = _convolution(width, outputs, 1, 1, fused), _norm(outputs, fused)
        self.project: nn.Module = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.project = nn.Sequential(_convolution(inputs, outputs, 1, stride, fused), _norm(outputs, fused))

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, 4·width, h/stride, w/stride)."""
        y = torch.relu(self.norm1(self.conv1(x)))
        y = torch.relu(self.norm2(self.conv2(y)))
        return torch.relu(self.norm3(self.conv3(y)) + self.project(x))


class ResNet50(nn.Module):
    """uint8 (batch, 3, h, w) to logits (batch, classes); `fused` has no batch norms and biased convolutions."""

    mean: Tensor
    scale: Tensor

    def __init__(self, classes: int, fused: bool = False) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 115.0))
        self.register_buffer("scale", torch.full((1, 3, 1, 1), 1 / 60.0))
        self.conv, self.norm = _convolution(3, 64, 7, 2, fused), _norm(64, fused)
        self.pool = nn.MaxPool2d(3, stride=2, padding=1)
        blocks: list[nn.Module] = []
        channels = 64
        for width, count, stride in _STAGES:
            for number in range(count):
                blocks.append(Bottleneck(channels, width, stride if number == 0 else 1, fused))
                channels = width * _EXPANSION
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(channels, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Return logits."""
        x = (image - self.mean) * self.scale
        x = self.pool(torch.relu(self.norm(self.conv(x))))
        x = self.blocks(x)
        logits: Tensor = self.head(x.mean(dim=(2, 3)))
        return logits


def untrained(seed: int) -> ResNet50:
    """The network with batch norms and starting weights drawn from `seed`.

    Each block starts as the identity, without which AdamW at 1e-3 does not get going.
    """
    network = ResNet50(len(CLASS_NAMES))
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, Bottleneck) and isinstance(module.norm3, nn.BatchNorm2d):
            nn.init.zeros_(module.norm3.weight)
    nn.init.normal_(network.head.weight, std=0.01, generator=generator)
    nn.init.zeros_(network.head.bias)
    return network


def load_shipped(graph: Path) -> ResNet50:
    """Return the fused network with exactly the weights that `graph`, the workload's own file, holds."""
    network = ResNet50(len(CLASS_NAMES), fused=True).eval()
    load_weights(network, graph)
    return network
