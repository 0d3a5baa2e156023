"""What tracing, tuning and building programs of the OpenCL engine report."""

from __future__ import annotations

import msgspec


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """One kernel, copy or node of the host: median time over the rounds, and what it does in one of them.

    `kernel` is "copy" for copies and "host" for nodes that the device lacks. `nbytes` are those of operands and result,
    each once; weights are not among them.
    """

    label: str
    kernel: str
    ns: float
    macs: int = 0
    nbytes: int = 0

    @property
    def gflops(self) -> float:
        """Billions of floating-point operations a second; a multiplication and an addition are two."""
        return 2 * self.macs / self.ns if self.ns else 0.0

    @property
    def gbytes(self) -> float:
        """Billions of bytes a second."""
        return self.nbytes / self.ns if self.ns else 0.0


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """All layers in the order in which they happen, and what a whole round took on the host's clock, in ns (median).

    `ops_per_s` and `bytes_per_s` are the peaks that the engine reached on the device, None where nobody measured.
    """

    device: str
    samples: int
    rounds: int
    round_ns: float
    layers: tuple[Layer, ...]
    ops_per_s: float | None = None
    bytes_per_s: float | None = None

    def share_of_roof(self, layer: Layer) -> float | None:
        """The time that the peaks would take for a layer, over the time it took: its share of the roofline.

        It may pass 1: what lies in caches moves faster than memory does. None without peaks, and for layers that
        neither compute nor move anything that was counted.
        """
        if self.ops_per_s is None or self.bytes_per_s is None or not layer.ns:
            return None
        least_s = max(2 * layer.macs / self.ops_per_s, layer.nbytes / self.bytes_per_s)
        return least_s * 1e9 / layer.ns if least_s else None

    @property
    def busy_ns(self) -> float:
        """Inside kernels, copies and nodes of the host."""
        return sum(layer.ns for layer in self.layers)


class Built(msgspec.Struct, frozen=True, kw_only=True):
    """Programs in a folder: for which device, how many kernels, how many bytes."""

    folder: str
    device: str
    kernels: int
    nbytes: int


class Tuned(msgspec.Struct, frozen=True, kw_only=True):
    """What tuning for a batch size came to: layers, rules tried of all there are, time before and after in ns.

    `file` is the table that they went into.
    """

    batch: int
    file: str = ""
    device: str
    layers: int
    tried: int
    rules: int
    before_ns: float
    after_ns: float
