"""Asking backends what devices they see, each in a process of its own: a driver that crashes or hangs costs one answer."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import msgspec

from bench.host.engine_environment import engine_environment
from bench.records.host import Device
from bench.store.places import cache_directory

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
    command = [sys.executable, "-m", "bench.host.probe", name]
    environment = engine_environment(cache_directory(), threads=1)
    try:
        done = subprocess.run(command, capture_output=True, env=environment, timeout=timeout_s, check=False)
    except subprocess.TimeoutExpired:
        return Probe(backend=name, why=f"its driver gave no answer within {timeout_s:.0f} s")
    # Engines print to stdout as they like; the answer is the last line.
    answer = done.stdout.strip().splitlines()[-1:] or [b""]
    try:
        return msgspec.json.decode(answer[0], type=Probe)
    except msgspec.DecodeError:
        return Probe(backend=name, why=f"asking for devices ended with code {done.returncode}")


def _answer(name: str) -> Probe:
    from bench.backends.registry import load_backend
    from bench.plugins import PluginError

    try:
        devices = tuple(load_backend(name).devices())
    except PluginError as error:
        return Probe(backend=name, why=str(error))
    except Exception as error:  # a vendor's code may raise anything; the others go on
        return Probe(backend=name, why=f"{type(error).__name__}: {error}")
    return Probe(backend=name, devices=devices, why=None if devices else "the backend sees none on this host")


if __name__ == "__main__":
    sys.stdout.write("\n" + msgspec.json.encode(_answer(sys.argv[1])).decode() + "\n")
