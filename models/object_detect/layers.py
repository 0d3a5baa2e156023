"""Parts of the detector: residual backbone, feature pyramid, one head for all levels; batch norms as such or folded."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from bench.models.blocks import Convolution

# Channels at strides 2, 4, 8, 16, 32, and of pyramid and head.
_WIDTHS = (24, 48, 64, 96, 96)
_WIDTH = 64
_DEPTH = 2


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
        self.smooth = nn.ModuleList(Convolution(_WIDTH, _WIDTH, 3, folded) for _ in _WIDTHS[2:])

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
