"""Where kernels come from: compiled from source, all that a plan needs and nothing has built in one program."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from bench.backends.opencl.errors import failure
from bench.backends.opencl.general import generalised
from bench.backends.opencl.kernels.source import Kernel
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.plan import Plan

if TYPE_CHECKING:
    import pyopencl

# A product and a sum may become one instruction with one rounding, as everywhere; nothing else is loosened.
OPTIONS = ("-cl-mad-enable",)


class Programs(Protocol):
    """Gives kernels by name; used by several threads. `tiles`: those that layers, by their labels, were made with."""

    tiles: Mapping[str, Tile]

    def shared(self, plans: Sequence[Plan]) -> list[Plan | None]:
        """Plans for one batch size, of one network at several lengths, with kernels that serve several of them.

        None for one that needs other kernels than the first.
        """

    def ensure(self, kernels: Mapping[str, Kernel]) -> None:
        """Have all of these ready. Raises EngineError where that cannot be."""

    def kernel(self, name: str) -> pyopencl.Kernel:
        """A kernel object of its own for the caller, for arguments belong to the object."""


class SourcePrograms:
    """Compiles OpenCL C. Programs are kept: another batch size needs few kernels that are new, or none."""

    def __init__(self, context: pyopencl.Context) -> None:
        self.tiles: Mapping[str, Tile] = {}
        self._context = context
        self._programs: dict[str, pyopencl.Program] = {}
        self._lock = threading.Lock()

    def shared(self, plans: Sequence[Plan]) -> list[Plan | None]:
        return generalised(plans).plans

    def ensure(self, kernels: Mapping[str, Kernel]) -> None:
        import pyopencl

        with self._lock:
            missing = [one for name, one in sorted(kernels.items()) if name not in self._programs]
            if not missing:
                return
            try:
                program = pyopencl.Program(self._context, joined(missing)).build(list(OPTIONS))
            except (pyopencl.Error, MemoryError) as error:
                raise failure(error, "opencl cannot compile its kernels") from error
            self._programs.update({one.name: program for one in missing})

    def kernel(self, name: str) -> pyopencl.Kernel:
        import pyopencl

        return pyopencl.Kernel(self._programs[name], name)


def joined(kernels: Iterable[Kernel]) -> str:
    """One source for several kernels."""
    return "\n".join(one.source for one in kernels)
