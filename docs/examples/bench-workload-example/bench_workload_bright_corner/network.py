"""The network as a torch module with the weights of graph.onnx, for engines that run torch modules.

Nothing else imports this module; delete it where your network is an ONNX file only.
"""

from __future__ import annotations

from pathlib import Path

import onnx
import torch
from onnx import numpy_helper


class BrightCorner(torch.nn.Module):
    """Pictures uint8 (n, 1, 16, 16) to logits (n, 4)."""

    def __init__(self, filters: torch.Tensor) -> None:
        super().__init__()
        self.filters = torch.nn.Parameter(filters, requires_grad=False)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image.to(self.filters.dtype).flatten(1) @ self.filters


def load_shipped(graph: Path) -> BrightCorner:
    """The network with the weights of the shipped graph."""
    (filters,) = onnx.load(graph).graph.initializer
    return BrightCorner(torch.from_numpy(numpy_helper.to_array(filters).copy()))
