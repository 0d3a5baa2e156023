"""A one-stage detector without anchor boxes: small residual backbone, feature pyramid at strides 8, 16 and 32, one head
for all three levels (after FCOS, Tian et al. 2019), with batch norms for training or folded for use.

Normalisation of the picture, boxes in pixels and scores are part of it; training and export: `train`, `build`.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bench.models.blocks import Convolution
from bench.models.object_detect.classes import CLASS_NAMES
from bench.models.weights import load_weights

STRIDES = (8, 16, 32)
SIZE = 320
PLACES = sum((SIZE // stride) ** 2 for stride in STRIDES)
# Channels at strides 2, 4, 8, 16, 32, and of pyramid and head.
_WIDTHS = (24, 48, 64, 96, 96)
_WIDTH = 64
_DEPTH = 2
# What a place believes before it has learned: that nothing is there, and a box of four strides.
_DOUBT, _REACH = -4.6, 2.0


class Residual(nn.Module):
    """Two 3×3 convolutions added to their input, then ReLU."""

    def __init__(self, channels: int, folded: bool) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, 3, folded)
        self.second = Convolution(channels, channels, 3, folded, active=False)
        self.active = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, channels, h, w) to the same shape."""
        y: Tensor = self.active(x + self.second(self.first(x)))
        return y


class Backbone(nn.Module):
    """Pictures normalised (batch, 3, h, w) to maps at strides 8, 16, 32."""

    def __init__(self, folded: bool) -> None:
        super().__init__()
        first, quarter, *widths = _WIDTHS
        self.stem = Convolution(3, first, 3, folded, stride=2)
        self.quarter = nn.Sequential(Convolution(first, quarter, 3, folded, stride=2), Residual(quarter, folded))
        inputs = [quarter, *widths[:-1]]
        blocks = (2, 1, 1)
        self.stages = nn.ModuleList(
            nn.Sequential(
                Convolution(before, after, 3, folded, stride=2), *(Residual(after, folded) for _ in range(count))
            )
            for before, after, count in zip(inputs, widths, blocks, strict=True)
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Return three maps."""
        x = self.quarter(self.stem(x))
        maps = []
        for stage in self.stages:
            x = stage(x)
            maps.append(x)
        return maps


class Pyramid(nn.Module):
    """Maps of the backbone to maps of one width, each knowing what the coarser ones saw (Lin et al. 2017)."""

    def __init__(self, folded: bool) -> None:
        super().__init__()
        self.across = nn.ModuleList(Convolution(width, _WIDTH, 1, folded, active=False) for width in _WIDTHS[2:])
        self.smooth = nn.ModuleList(Convolution(_WIDTH, _WIDTH, 3, folded) for _ in STRIDES)

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Return three maps (batch, 64, h/stride, w/stride)."""
        above: Tensor | None = None
        result = []
        for across, smooth, x in zip(reversed(self.across), reversed(self.smooth), reversed(maps), strict=True):
            x = across(x)
            if above is not None:
                x = x + nn.functional.interpolate(above, scale_factor=2.0, mode="nearest")
            above = x
            result.append(smooth(x))
        return result[::-1]


class Shared(nn.Module):
    """One convolution for all levels; its batch norm sees them together, so that it can be folded into the one."""

    def __init__(self, channels: int, folded: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, bias=folded)
        self.norm: nn.Module = nn.Identity() if folded else nn.BatchNorm2d(channels)
        self.active = nn.ReLU6()

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map every level to the same shape."""
        made = [self.conv(x) for x in maps]
        if not isinstance(self.norm, nn.Identity):
            flat = self.norm(torch.cat([y.flatten(2) for y in made], dim=2).unsqueeze(3)).squeeze(3)
            parts = flat.split([y.shape[2] * y.shape[3] for y in made], dim=2)
            made = [part.reshape(y.shape) for part, y in zip(parts, made, strict=True)]
        return [self.active(y) for y in made]


class Head(nn.Module):
    """Maps of the pyramid to what each place says: distances to the four sides of its box, and logits."""

    def __init__(self, classes: int, folded: bool) -> None:
        super().__init__()
        self.boxes = nn.ModuleList(Shared(_WIDTH, folded) for _ in range(_DEPTH))
        self.classes = nn.ModuleList(Shared(_WIDTH, folded) for _ in range(_DEPTH))
        self.sides = nn.Conv2d(_WIDTH, 4, 1)
        self.logits = nn.Conv2d(_WIDTH, classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Return distances in strides (batch, 4, places) and logits (batch, classes, places), finest level first."""
        boxes, classes = maps, maps
        for box, kind in zip(self.boxes, self.classes, strict=True):
            boxes, classes = box(boxes), kind(classes)
        sides = torch.cat([_in_line(self.sides(x)) for x in boxes], dim=2)
        logits = torch.cat([_in_line(self.logits(x)) for x in classes], dim=2)
        return sides, logits


def _in_line(maps: Tensor) -> Tensor:
    """(batch, channels, h, w) to (batch, channels, h·w), by numbers that the exported graph need not compute."""
    channels, height, width = (int(size) for size in maps.shape[1:])
    return maps.reshape(-1, channels, height * width)


class Detector(nn.Module):
    """Pictures uint8 (batch, 3, 320, 320) to boxes (batch, 2100, 4), x1 y1 x2 y2 in pixels, and scores from 0 to 1.

    Scores are (batch, 2100, classes), each class for itself.
    """

    mean: Tensor
    scale: Tensor
    corners: Tensor
    reach: Tensor

    def __init__(self, folded: bool = False, classes: int = len(CLASS_NAMES)) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 110.0))
        self.register_buffer("scale", torch.full((1, 3, 1, 1), 1 / 60.0))
        # Where a box of no size would lie, and how far a distance of one takes each of its sides.
        centres, strides = places(SIZE)
        self.register_buffer("corners", torch.cat([centres, centres], dim=1).T[None].contiguous(), persistent=False)
        signs = torch.tensor([-1.0, -1.0, 1.0, 1.0])
        self.register_buffer("reach", (signs[:, None] * strides)[None], persistent=False)
        self.backbone = Backbone(folded)
        self.pyramid = Pyramid(folded)
        self.head = Head(classes, folded)

    def raw(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Distances in strides (batch, 4, places) and logits (batch, classes, places)."""
        x = (image - self.mean) * self.scale
        sides, logits = self.head(self.pyramid(self.backbone(x)))
        return sides, logits

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Return boxes and scores."""
        sides, logits = self.raw(image)
        boxes = (self.corners + sides * self.reach).clamp(0, SIZE).transpose(1, 2)
        return boxes, torch.sigmoid(logits).transpose(1, 2)


def places(size: int) -> tuple[Tensor, Tensor]:
    """Centres (places, 2), x then y, in pixels of a square picture, and the stride (places,) of each."""
    centres, strides = [], []
    for stride in STRIDES:
        count = size // stride
        axis = (torch.arange(count, dtype=torch.float32) + 0.5) * stride
        y, x = torch.meshgrid(axis, axis, indexing="ij")
        centres.append(torch.stack([x.flatten(), y.flatten()], dim=1))
        strides.append(torch.full((count * count,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def untrained(seed: int) -> Detector:
    """The network with batch norms and starting weights drawn from `seed`; residual blocks start as the identity."""
    network = Detector()
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu", generator=generator)
        elif isinstance(module, Residual):
            nn.init.zeros_(module.second.norm.get_parameter("weight"))
    for layer, bias in ((network.head.sides, _REACH), (network.head.logits, _DOUBT)):
        assert layer.bias is not None
        nn.init.normal_(layer.weight, std=0.01, generator=generator)
        nn.init.constant_(layer.bias, bias)
    return network


def folded(network: Detector) -> Detector:
    """The same network with its batch norms folded (in float64) into the convolutions before them."""
    exact = copy.deepcopy(network).double().eval()
    state = {name: value for name, value in exact.state_dict().items() if ".norm." not in name}
    for name, module in exact.named_modules():
        if isinstance(module, Convolution | Shared):
            assert isinstance(module.norm, nn.BatchNorm2d)
            fused = fuse_conv_bn_eval(module.conv, module.norm)
            state |= {f"{name}.conv.{part}": value for part, value in fused.state_dict().items()}
    result = Detector(folded=True, classes=network.head.logits.out_channels)
    result.load_state_dict(state)
    return result.eval()


def load_shipped(graph: Path) -> Detector:
    """Return the folded network with exactly the weights that `graph`, the workload's own file, holds."""
    network = Detector(folded=True).eval()
    load_weights(network, graph)
    return network
