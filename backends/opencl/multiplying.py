"""How a device multiplies pairs of shorts fastest: by words that any has, or by an instruction that was tried on it."""

from __future__ import annotations

import platform
from functools import cache
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.graph import Graph
from bench.backends.opencl.kernels.arithmetic import MADD
from bench.processor import processor_flags

if TYPE_CHECKING:
    import pyopencl

_TRIAL = """
__kernel void trial(__global const int8* a, __global const int8* b, __global int8* r) { r[0]=madd(r[0],a[0],b[0]); }
"""


def traits_for(found: Found, graph: Graph) -> Traits:
    """A device's traits; for a quantised network with how it multiplies pairs of shorts, which is tried once."""
    if not graph.scales:
        return found.traits
    return msgspec.structs.replace(found.traits, madd=_way(found.own))


@cache
def _way(device: pyopencl.Device) -> str:
    # Inline assembler is for PoCL on the host's own processor; what that lacks would end the process.
    here = "Portable Computing Language" in device.platform.name and platform.machine() in ("x86_64", "AMD64")
    return "x86" if here and "avx2" in processor_flags() and _works(device, "x86") else "portable"


def _works(device: pyopencl.Device, way: str) -> bool:
    """Whether a way compiles, and finds the right sums at the ends of the range."""
    import pyopencl

    values = np.array([-255, 255, -128, 127, 1, -1, 0, 255] * 2, np.int16), np.array([127, -128] * 8, np.int16)
    total = np.arange(8, dtype=np.int32)
    expected = total + (values[0].astype(np.int32) * values[1]).reshape(8, 2).sum(axis=1)
    try:
        context = pyopencl.Context([device])
        queue = pyopencl.CommandQueue(context)
        flag = pyopencl.mem_flags.READ_WRITE | pyopencl.mem_flags.COPY_HOST_PTR
        buffers = [pyopencl.Buffer(context, flag, hostbuf=one) for one in (*values, total)]
        pyopencl.Kernel(pyopencl.Program(context, MADD[way] + _TRIAL).build(), "trial")(queue, (1,), (1,), *buffers)
        pyopencl.enqueue_copy(queue, total, buffers[2])
    except pyopencl.Error:
        return False
    return bool((total == expected).all())
