"""What training, building and assessing must know of a network that classifies the rendered pictures.

There are two: ResNet-50 here, and MobileNetV2 of `image_classify_edge`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from bench.models.making.training import Plan
from bench.models.weights import Storage


@dataclass(frozen=True, slots=True)
class Classifier:
    """A network, its plan of training, and where its files lie."""

    folder: Path  # of the workload, whose name it has
    untrained: Callable[[int], nn.Module]  # with batch norms, drawn from a seed
    shipped: Callable[[Path], nn.Module]  # from the workload's graph.onnx
    plan: Plan
    # Small crops first: they are cheap, and what tells the classes apart shows in them already. Each side in pixels
    # stands behind the share of all steps at which it ends.
    sides: tuple[tuple[float, int], ...]
    storage: Storage
    checkpoint: str  # name of the file in the cache of the pictures

    @property
    def graph(self) -> Path:
        """The workload's network."""
        return self.folder / "graph.onnx"

    @property
    def reference(self) -> Path:
        """Folder of the reference answers."""
        return self.folder.parent.parent / "results" / "reference" / self.folder.name
