"""OpenCL platforms and devices, asked in a process of its own: a driver that crashes costs this answer alone."""

from __future__ import annotations

import contextlib
import subprocess

import msgspec

from bench.host.engine_process import how_it_ended, kill_engine_process, start_engine_process
from bench.records.profile import OpenClSeen

TIMEOUT_S = 30.0


def opencl_devices(timeout_s: float = TIMEOUT_S) -> OpenClSeen:
    """What the OpenCL drivers of this machine name; never raises for a broken one."""
    with start_engine_process("bench.backends.opencl_listing", [], stdout=subprocess.PIPE) as child:
        try:
            output, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            return OpenClSeen(why=f"an OpenCL driver gave no answer within {timeout_s:.0f} s")
        finally:
            kill_engine_process(child)
    for line in reversed(output.splitlines()):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(line, type=OpenClSeen)
    return OpenClSeen(why=f"the process that asked the OpenCL drivers {how_it_ended(child.returncode)}")
