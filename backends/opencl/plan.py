"""What is done for one batch size, as plain values: buffers, weights, and steps in their order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from math import prod

import msgspec
import numpy as np

from bench.backends.opencl.graph import Array, Node, Tensor
from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.kernels.tile import Tile


class Buffer(msgspec.Struct, frozen=True):
    """Memory of the device that a plan writes; `sharing` as Geometry has it."""

    number: int
    nbytes: int
    sharing: str = ""


class Weight(msgspec.Struct, frozen=True):
    """Memory of the device that is written once: known by what it holds and how that is packed."""

    key: str


Argument = Buffer | Weight | int


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel on the device. `writes` and `reads` are among the arguments; `macs` and `nbytes` say what it costs."""

    kernel: Kernel
    arguments: tuple[Argument, ...]
    size: tuple[int, ...]
    writes: Buffer
    label: str
    macs: int = 0
    # Of a layer that can be tuned: under which key, and how it is tiled.
    key: str = ""
    tile: Tile | None = None

    @property
    def reads(self) -> tuple[Buffer, ...]:
        return tuple(one for one in self.arguments if isinstance(one, Buffer) and one != self.writes)


class OnHost(msgspec.Struct, frozen=True, kw_only=True):
    """A node that the host computes: what it reads and leaves on the device, by name; the rest stays on the host."""

    node: Node
    reads_device: Mapping[str, tuple[Buffer, Tensor]]
    writes_device: Mapping[str, tuple[Buffer, Tensor]]
    why: str

    @property
    def label(self) -> str:
        return f"{self.node.op} (host)"


Step = Launch | OnHost


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Steps for `samples` at once; inputs are written before the first, outputs read after the last.

    An output without a buffer is left by a step of the host. `operators` counts those of the file that run here.
    """

    samples: int
    steps: tuple[Step, ...]
    inputs: Mapping[str, Buffer]
    outputs: Mapping[str, Buffer | None]
    tensors: Mapping[str, Tensor]
    weights: Mapping[str, Callable[[], Array]]
    lacking: Mapping[str, str] = {}

    @property
    def device_share(self) -> float:
        """Share of the steps that run on the device."""
        host = sum(isinstance(step, OnHost) for step in self.steps)
        return 1.0 - host / len(self.steps) if self.steps else 1.0

    def arithmetic(self) -> Counter[str]:
        """How many products, convolutions and of matrices, are computed in what."""
        products = [step for step in self.steps if isinstance(step, Launch) and step.macs]
        words = {"_int8_": "int8", "_half_": "fp16"}
        return Counter(
            next((kind for word, kind in words.items() if word in step.kernel.name), "fp32") for step in products
        )

    def tiles(self) -> dict[str, Tile]:
        """Of the layers that can be tuned, by their label."""
        launches = [step for step in self.steps if isinstance(step, Launch)]
        return {one.label: one.tile for one in launches if one.tile is not None}

    def kernels(self) -> dict[str, Kernel]:
        """By name, each once."""
        return {step.kernel.name: step.kernel for step in self.steps if isinstance(step, Launch)}


def nbytes(dtype: str, shape: tuple[int, ...]) -> int:
    """What a plain tensor takes."""
    return prod(shape) * np.dtype(dtype).itemsize
