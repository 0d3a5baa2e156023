"""ResNet-50 v1.5 (stride in the 3×3 convolution) on uint8 pictures, with batch norms for training or folded for use.

Normalisation is part of the network; training and export are in `train` and `build`.
"""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.models.image_classify.data import CLASS_NAMES

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


def initialise(network: ResNet50, seed: int) -> None:
    """Draw starting weights; each block starts as the identity, without which AdamW at 1e-3 does not get going."""
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, Bottleneck) and isinstance(module.norm3, nn.BatchNorm2d):
            nn.init.zeros_(module.norm3.weight)
    nn.init.normal_(network.head.weight, std=0.01, generator=generator)
    nn.init.zeros_(network.head.bias)


@torch.no_grad()
def recalibrate(network: ResNet50, images: NDArray[np.uint8]) -> None:
    """Measure batch norms anew on whole pictures (n, 3, 224, 224): crops see other borders than whole pictures."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # plain average over all batches
    network.train()
    for first in range(0, len(images), 24):
        network(torch.from_numpy(np.array(images[first : first + 24])).to(network.mean.device))
    network.eval()


def shipped(folder: Path, classes: int) -> ResNet50:
    """Return the fused network with exactly the weights that graph.onnx and weights.safetensors in `folder` hold."""
    model = onnx.load(folder / "graph.onnx")
    network = ResNet50(classes, fused=True).eval()
    state = {item.name: torch.from_numpy(onnx.numpy_helper.to_array(item).copy()) for item in model.graph.initializer}
    network.load_state_dict(state)
    return network


def load_shipped(graph: Path) -> ResNet50:
    """Return the network that `graph`, the workload's own file, describes, for engines that run torch modules."""
    return shipped(graph.parent, len(CLASS_NAMES))


def rounded(network: ResNet50, bits: int, per_channel: bool = False) -> ResNet50:
    """Return a copy whose weight matrices have 2^bits - 1 evenly spaced levels (symmetric, no calibration)."""
    result = copy.deepcopy(network)
    levels = 2 ** (bits - 1) - 1
    for module in result.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            weight = module.weight.data
            peak = weight.abs().flatten(1).amax(1) if per_channel else weight.abs().amax()
            scale = (peak / levels).clamp_min(1e-12).reshape(-1, *[1] * (weight.ndim - 1))
            module.weight.data = (weight / scale).round() * scale
    return result
