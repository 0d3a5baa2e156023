"""Blocks of the networks for small devices (Sandler et al. 2018), with batch norms for training or folded for use."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Convolution(nn.Module):
    """Convolution and batch norm (folded: a bias), then ReLU6 where `active`."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        folded: bool,
        stride: int = 1,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=folded)
        self.norm: nn.Module = nn.Identity() if folded else nn.BatchNorm2d(outputs)
        self.active: nn.Module = nn.ReLU6() if active else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h/stride, w/stride)."""
        y: Tensor = self.active(self.norm(self.conv(x)))
        return y


class InvertedResidual(nn.Module):
    """1×1 up, 3×3 on each channel (with the stride), 1×1 down without activation; added to the input where it fits."""

    def __init__(self, inputs: int, outputs: int, expansion: int, stride: int, folded: bool) -> None:
        super().__init__()
        width = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.expand: nn.Module = Convolution(inputs, width, 1, folded) if expansion > 1 else nn.Identity()
        self.depthwise = Convolution(width, width, 3, folded, stride, groups=width)
        self.project = Convolution(width, outputs, 1, folded, active=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, inputs, h, w) to (batch, outputs, h/stride, w/stride)."""
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def inverted_residuals(channels: int, stages: Sequence[tuple[int, int, int, int]], folded: bool) -> nn.Sequential:
    """All blocks of `stages`: expansion, channels out, number of blocks, stride of the first one."""
    blocks: list[nn.Module] = []
    for expansion, outputs, count, stride in stages:
        for number in range(count):
            blocks.append(InvertedResidual(channels, outputs, expansion, stride if number == 0 else 1, folded))
            channels = outputs
    return nn.Sequential(*blocks)
