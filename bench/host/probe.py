"""Asking backends what devices they see, each in a process of its own.

A driver that crashes or hangs costs one answer; what was said before that counts.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Sequence

import msgspec

from bench.host.engine_process import how_it_ended, kill_engine_process, start_engine_process
from bench.records.host import Device

TIMEOUT_S = 30.0


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What one backend answered: its devices, or why there are none; and what it cannot use, by kind or address."""

    backend: str
    devices: tuple[Device, ...] = ()
    why: str | None = None
    unusable: dict[str, str] = {}


def probe_backends(names: Sequence[str], timeout_s: float = TIMEOUT_S) -> list[Probe]:
    """One probe per backend, in the order given; never raises for a broken one."""
    return [_probe(name, timeout_s) for name in names]


def _probe(name: str, timeout_s: float) -> Probe:
    ended: str | None = None
    with start_engine_process("bench.host.probe", [name], stdout=subprocess.PIPE) as child:
        try:
            output, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired as error:
            output = error.output or b""  # a helper that a driver left behind may hold the pipe open
            ended = f"its driver gave no answer within {timeout_s:.0f} s" if child.poll() is None else None
        finally:
            kill_engine_process(child)
    answer = _found(output)
    if ended is None and (child.returncode != 0 or answer is None):
        how = f"{'was ' if child.returncode < 0 else ''}{how_it_ended(child.returncode)}"
        ended = f"the process that asked its driver for devices {how}"
    if answer is None:
        return Probe(backend=name, why=ended)
    if ended is not None and answer.devices:
        return msgspec.structs.replace(answer, unusable={"others": ended})
    return answer


def _found(output: bytes) -> Probe | None:
    """The last answer among whatever engines print to stdout."""
    for line in reversed(output.splitlines()):
        with contextlib.suppress(msgspec.DecodeError):
            return msgspec.json.decode(line, type=Probe)
    return None


def _answers(name: str) -> Iterator[Probe]:
    """What there is, before it is asked what there is not: that takes drivers which may be broken."""
    from bench.backends.base import unusable, why_none
    from bench.backends.registry import load_backend
    from bench.plugins import PluginError, one_line

    try:
        backend = load_backend(name)
        devices = msgspec.convert(backend.devices(), tuple[Device, ...])
        found = Probe(backend=name, devices=devices, why=None if devices else why_none(backend))
    except PluginError as error:
        yield Probe(backend=name, why=str(error))
        return
    except Exception as error:  # noqa: BLE001 - a vendor's code may raise anything; the others go on
        yield Probe(backend=name, why=one_line(error))
        return
    yield found
    if refused := unusable(backend):
        yield msgspec.structs.replace(found, unusable=refused)


if __name__ == "__main__":
    for told in _answers(sys.argv[1]):
        sys.stdout.write("\n" + msgspec.json.encode(told).decode() + "\n")
        sys.stdout.flush()
