"""Asking backends what devices they see, each in a process of its own.

A driver that crashes or hangs costs one answer.
"""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
from collections.abc import Sequence

import msgspec

from bench.host.engine_process import kill_engine_process, start_engine_process
from bench.records.host import Device

TIMEOUT_S = 30.0


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What one backend answered: its devices, or why there are none."""

    backend: str
    devices: tuple[Device, ...] = ()
    why: str | None = None


def probe_backends(names: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[Probe]:
    """One probe per backend, in the order given; never raises for a broken one."""
    return [_probe(name, timeout_s) for name in names]


def _probe(name: str, timeout_s: float) -> Probe:
    with start_engine_process("bench.host.probe", [name], stdout=subprocess.PIPE) as child:
        try:
            output, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            output = error.output or b""  # a helper that a driver left behind may hold the pipe open
        finally:
            kill_engine_process(child)
    if (answer := _found(output)) is not None:
        return answer
    if child.returncode == -signal.SIGKILL:
        return Probe(backend=name, why=f"its driver gave no answer within {timeout_s:.0f} s")
    return Probe(backend=name, why=f"its driver ended the process that asked for devices (code {child.returncode})")


def _found(output: bytes) -> Probe | None:
    """The answer among whatever engines print to stdout."""
    for line in reversed(output.splitlines()):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(line, type=Probe)
    return None


def _answer(name: str) -> Probe:
    from bench.backends.base import why_none
    from bench.backends.registry import load_backend
    from bench.plugins import PluginError, one_line

    try:
        backend = load_backend(name)
        devices = msgspec.convert(backend.devices(), tuple[Device, ...])
        why = None if devices else why_none(backend)
    except PluginError as error:
        return Probe(backend=name, why=str(error))
    except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the others go on
        return Probe(backend=name, why=one_line(error))
    return Probe(backend=name, devices=devices, why=why)


if __name__ == "__main__":
    sys.stdout.write("\n" + msgspec.json.encode(_answer(sys.argv[1])).decode() + "\n")
