"""The torch module: log-mel in the graph, strided 2-D convolutions to 25 frames a second, a small Conformer, CTC.

Gulati et al. 2020 with batch norms where they fold into a convolution. What lies behind a sample's own length never
reaches it: features, every convolution's input and the keys of attention are masked, so an answer does not depend on
the length of the batch. Two forms: with batch norms for training, folded for everything that is shipped.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from bench.models.speech_command.network import HOP, MELS, WINDOW, LogMel
from bench.models.speech_recognize.utterances import FRAME, MOST
from bench.models.speech_recognize.words import CHARACTERS
from bench.models.weights import load_weights

# Two convolutions halve the frames of the log-mel.
assert FRAME == 4 * HOP
MOST_FRAMES = MOST // HOP
CLASSES = 1 + len(CHARACTERS)
_HIDDEN = -10_000.0


class Convolution(nn.Module):
    """3×3 convolution with batch norm (folded: a bias)."""

    def __init__(self, inputs: int, outputs: int, folded: bool, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=folded)
        self.norm: nn.Module = nn.Identity() if folded else nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, time, mel) to (batch, outputs, time, mel), each by its stride."""
        y: Tensor = self.norm(self.conv(x))
        return y


class Residual(nn.Module):
    """Two 3×3 convolutions added to their input (He et al. 2016), masked before each."""

    def __init__(self, channels: int, folded: bool) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, folded)
        self.second = Convolution(channels, channels, folded)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(batch, channels, time, mel) to the same; present (batch, 1, time, 1) is 1 within the sample, else 0."""
        y = functional.relu(self.first(x)) * present
        return functional.relu(x + self.second(y)) * present


class FrontEnd(nn.Module):
    """Log-mel (batch, 1, 4 t, 40) to (batch, t, dim)."""

    def __init__(self, dim: int, narrow: int, wide: int, blocks: tuple[int, int], folded: bool) -> None:
        super().__init__()
        self.stem = Convolution(1, narrow, folded, (2, 1))
        self.early = nn.ModuleList(Residual(narrow, folded) for _ in range(blocks[0]))
        self.down = Convolution(narrow, wide, folded, (2, 2))
        self.late = nn.ModuleList(Residual(wide, folded) for _ in range(blocks[1]))
        self.flat = Convolution(wide, wide // 2, folded, (1, 2))
        self.width = wide // 2 * MELS // 4
        self.project = nn.Linear(self.width, dim)

    def forward(self, features: Tensor, masks: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Masks (batch, 1, time, 1) at 100, 50 and 25 frames a second."""
        at_100, at_50, at_25 = masks
        x = functional.relu(self.stem(features * at_100)) * at_50
        for block in self.early:
            x = block(x, at_50)
        x = functional.relu(self.down(x)) * at_25
        for block in self.late:
            x = block(x, at_25)
        x = functional.relu(self.flat(x)).transpose(1, 2)
        y: Tensor = self.project(x.reshape(x.shape[0], -1, self.width))
        return y


class Attention(nn.Module):
    """Self-attention of several heads behind a layer norm."""

    def __init__(self, dim: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.dim, self.heads = dim, heads
        self.norm = nn.LayerNorm(dim)
        self.query, self.key, self.value, self.join = (nn.Linear(dim, dim) for _ in range(4))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, hidden: Tensor) -> Tensor:
        """(batch, t, dim) to the same; hidden (batch, 1, 1, t) is 0 within the sample and very low behind it."""
        x = self.norm(x)
        query, key, value = (self._split(part(x)) for part in (self.query, self.key, self.value))
        scores = torch.matmul(query * (self.heads / self.dim) ** 0.5, key.transpose(2, 3)) + hidden
        mixed = torch.matmul(torch.softmax(scores, dim=-1), value).transpose(1, 2)
        y: Tensor = self.dropout(self.join(mixed.reshape(mixed.shape[0], -1, self.dim)))
        return y

    def _split(self, x: Tensor) -> Tensor:
        """(batch, t, dim) to (batch, heads, t, dim / heads)."""
        return x.reshape(x.shape[0], -1, self.heads, self.dim // self.heads).transpose(1, 2)


class FeedForward(nn.Module):
    """Layer norm, wide layer with SiLU, back."""

    def __init__(self, dim: int, width: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.wide, self.back = nn.Linear(dim, width), nn.Linear(width, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, t, dim) to the same."""
        y: Tensor = self.dropout(self.back(functional.silu(self.wide(self.norm(x)))))
        return y


class Local(nn.Module):
    """The convolution module: pointwise with a gate, depthwise over time, pointwise."""

    def __init__(self, dim: int, kernel: int, folded: bool, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.enter, self.gate, self.leave = (nn.Linear(dim, dim) for _ in range(3))
        self.depthwise = nn.Conv1d(dim, dim, kernel, padding=kernel // 2, groups=dim, bias=folded)
        self.batch_norm: nn.Module = nn.Identity() if folded else nn.BatchNorm1d(dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, present: Tensor) -> Tensor:
        """(batch, t, dim) to the same; present (batch, t, 1)."""
        x = self.norm(x)
        x = self.enter(x) * torch.sigmoid(self.gate(x)) * present
        x = self.batch_norm(self.depthwise(x.transpose(1, 2))).transpose(1, 2)
        y: Tensor = self.dropout(self.leave(functional.silu(x)))
        return y


class Block(nn.Module):
    """A Conformer block: half a feed-forward, attention, convolution, half a feed-forward, layer norm."""

    def __init__(self, dim: int, width: int, heads: int, kernel: int, folded: bool, dropout: float) -> None:
        super().__init__()
        self.before, self.after = FeedForward(dim, width, dropout), FeedForward(dim, width, dropout)
        self.attention = Attention(dim, heads, dropout)
        self.local = Local(dim, kernel, folded, dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, present: Tensor, hidden: Tensor) -> Tensor:
        """(batch, t, dim) to the same; see `Local` and `Attention` for the masks."""
        x = x + 0.5 * self.before(x)
        x = x + self.attention(x, hidden)
        x = x + self.local(x, present)
        y: Tensor = self.norm(x + 0.5 * self.after(x))
        return y


def sinusoids(frames: int, dim: int) -> Tensor:
    """Positions as in Vaswani et al. 2017, (frames, dim): sines, then cosines."""
    rates = 10_000.0 ** (-np.arange(dim // 2) / (dim // 2))
    angles = np.arange(frames)[:, None] * rates
    return torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], axis=1)).float()


class Recogniser(nn.Module):
    """Waveform int16 (batch, n), n a multiple of 640, and length int64 (batch,) to log_probs (batch, n / 640, classes).

    Frames behind a sample's own length are zeros.
    """

    def __init__(
        self,
        folded: bool = False,
        dim: int = 128,
        width: int = 192,
        blocks: int = 4,
        kernel: int = 15,
        heads: int = 4,
        front: tuple[int, int, tuple[int, int]] = (48, 64, (3, 2)),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.log_mel = LogMel(padding=(WINDOW - HOP) // 2)
        self.front = FrontEnd(dim, *front, folded)
        self.register_buffer("starts", torch.arange(MOST_FRAMES, dtype=torch.int64) * HOP)
        self.register_buffer("positions", sinusoids(MOST_FRAMES // 4, dim))
        self.blocks = nn.ModuleList(Block(dim, width, heads, kernel, folded, dropout) for _ in range(blocks))
        self.head = nn.Linear(dim, CLASSES)

    def forward(self, waveform: Tensor, length: Tensor) -> Tensor:
        """See the class."""
        return self.classify(self.log_mel(waveform), length)

    def classify(self, features: Tensor, length: Tensor) -> Tensor:
        """Log-mel (batch, 1, 4 t, 40) to log_probs: the learned part."""
        inside = self._inside(features, length)
        return torch.log_softmax(self._scores(features, inside), dim=-1) * inside[:, ::4].unsqueeze(2)

    def scores(self, features: Tensor, length: Tensor) -> Tensor:
        """Log-mel (batch, 1, 4 t, 40) to scores (batch, t, classes), of whatever behind the samples' ends."""
        return self._scores(features, self._inside(features, length))

    def _inside(self, features: Tensor, length: Tensor) -> Tensor:
        """(batch, 4 t): 1 where a frame of the log-mel begins before the sample's end, else 0."""
        starts = self.get_buffer("starts")[: features.shape[2]]
        return (starts < length.unsqueeze(1)).type_as(features)

    def _scores(self, features: Tensor, inside: Tensor) -> Tensor:
        present = inside[:, None, :, None]
        x = self.front(features, (present, present[:, :, ::2], present[:, :, ::4]))
        x = x + self.get_buffer("positions")[: x.shape[1]]
        at_25 = inside[:, ::4]
        hidden = ((1.0 - at_25) * _HIDDEN)[:, None, None, :]
        for block in self.blocks:
            x = block(x, at_25.unsqueeze(2), hidden)
        y: Tensor = self.head(x)
        return y


def load_shipped(graph: Path) -> Recogniser:
    """Return the folded network with exactly the weights of a shipped graph.onnx, in evaluation mode."""
    network = Recogniser(folded=True).eval()
    load_weights(network, graph)
    return network
