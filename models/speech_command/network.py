"""The torch module: log-mel front end with fixed weights, then a depthwise-separable CNN with residuals (DS-CNN).

Two forms of the same network: with batch norms for training, folded for everything that is shipped.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from bench.models.speech_command.commands import CLASS_NAMES
from bench.models.weights import load_weights

SAMPLE_RATE, WINDOW, HOP, MELS = 16_000, 400, 160, 40
FREQUENCY_RANGE = (60.0, 7600.0)
# Full-scale speech has mel power up to 1e4, so that this floor and that top both fit fp16's normal range.
LOG_FLOOR = 1e-4
_LOG_MEAN, _LOG_SCALE = -3.0, 0.25


def fourier_basis() -> NDArray[np.float64]:
    """Return (400, 400): Hann-windowed cosines, then sines, of bins 1 to 200 (bin 0 is no sound)."""
    time = np.arange(WINDOW)
    angle = 2.0 * np.pi * np.arange(1, WINDOW // 2 + 1)[:, None] * time / WINDOW
    hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * time / WINDOW)
    return np.concatenate([np.cos(angle) * hann, np.sin(angle) * hann])


def mel_bank() -> NDArray[np.float64]:
    """Return (200, 40): triangles of height 1, evenly spaced on the mel scale, over bins 1 to 200."""
    low, high = (2595.0 * np.log10(1.0 + hertz / 700.0) for hertz in FREQUENCY_RANGE)
    edges = 700.0 * (10.0 ** (np.linspace(low, high, MELS + 2) / 2595.0) - 1.0)
    bins = np.arange(1, WINDOW // 2 + 1)[:, None] * (SAMPLE_RATE / WINDOW)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling))


class LogMel(nn.Module):
    """Waveform int16 (batch, n) to scaled log-mel (batch, 1, frames, 40); no Fourier operator, no learned weight.

    `padding` zeros stand before and behind; without them a second of 16 000 samples has 98 frames.
    """

    def __init__(self, padding: int = 0) -> None:
        super().__init__()
        self.padding = padding
        self.register_buffer("basis", torch.from_numpy(fourier_basis()).float()[:, None, :])
        # The squares of cosines and sines are added by the mel product itself: the bank stands there twice.
        self.register_buffer("bank", torch.from_numpy(np.concatenate([mel_bank()] * 2)).float())

    def forward(self, waveform: Tensor) -> Tensor:
        """See the class."""
        basis, bank = self.get_buffer("basis"), self.get_buffer("bank")
        wave = waveform.type_as(basis) * (1.0 / 32768.0)
        waves = functional.conv1d(wave.unsqueeze(1), basis, stride=HOP, padding=self.padding)
        mel = torch.matmul((waves * waves).transpose(1, 2), bank)
        return ((torch.log(mel + LOG_FLOOR) - _LOG_MEAN) * _LOG_SCALE).unsqueeze(1)


def _convolution(
    inputs: int, outputs: int, kernel: int, folded: bool, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=folded)
    return [convolution] if folded else [convolution, nn.BatchNorm2d(outputs)]


class Separable(nn.Module):
    """Depthwise 3×3, pointwise 1×1, a ReLU behind each; a residual where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, folded: bool) -> None:
        super().__init__()
        self.residual = inputs == outputs and stride == 1
        self.depthwise = nn.Sequential(*_convolution(inputs, inputs, 3, folded, stride, inputs))
        self.pointwise = nn.Sequential(*_convolution(inputs, outputs, 1, folded))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, time, mel) to (batch, outputs, time/stride, mel/stride)."""
        y = self.pointwise(functional.relu(self.depthwise(x)))
        return functional.relu(x + y if self.residual else y)


# Channels in, channels out and stride of each block.
Blocks = Sequence[tuple[int, int, int]]
_BLOCKS: Blocks = (
    *((48, 96, 2), (96, 96, 1), (96, 96, 1), (96, 96, 1)),
    *((96, 160, 2), (160, 160, 1), (160, 160, 1)),
)


class CommandNet(nn.Module):
    """Waveform int16 (batch, 16000) to logits (batch, classes)."""

    def __init__(self, folded: bool = False, classes: int = len(CLASS_NAMES), plan: Blocks = _BLOCKS) -> None:
        super().__init__()
        self.log_mel = LogMel()
        self.stem = nn.Sequential(*_convolution(1, plan[0][0], 5, folded, 2))
        self.blocks = nn.Sequential(*(Separable(*row, folded) for row in plan))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(plan[-1][1], classes)

    def forward(self, waveform: Tensor) -> Tensor:
        """See the class."""
        return self.classify(self.log_mel(waveform))

    def classify(self, features: Tensor) -> Tensor:
        """Log-mel (batch, 1, 98, 40) to logits: the learned part, which training runs alone."""
        x = self.blocks(functional.relu(self.stem(features)))
        logits: Tensor = self.head(torch.flatten(self.pool(x), 1))
        return logits


def load_shipped(graph: Path) -> CommandNet:
    """Return the folded network with exactly the weights of a shipped graph.onnx, in evaluation mode."""
    network = CommandNet(folded=True).eval()
    load_weights(network, graph)
    return network
