"""A vendor's distribution made on the spot, so that child processes find its backend as they would an installed one."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

# What every vendor of the tests has; the given source overrides parts of it.
_PLAIN = """
import os, subprocess, sys, time
import numpy as np
from bench.backends.base import EngineError, Unsupported
from bench.records.host import Device, Facts

class Session:
    def run(self, batch, out):
        for array in out.values():
            array[...] = 0

    def close(self):
        pass

class Compiled:
    def __init__(self):
        self.facts = Facts(engine="acme", engine_version="1", precision_executed="fp32", compile_s=0.0)

    def open(self, worker):
        return Session()

    def close(self):
        pass

class Backend:
    name = "acme"

    def devices(self):
        return [Device(kind="cpu")]

    def compile(self, model, device, options):
        return Compiled()

BACKEND = Backend()
"""


def is_gone(pid: int, within_s: float = 30.0) -> bool:
    """Ended or ending within a time, be it that nobody has asked for its exit code yet."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.01)
    return False


def install(folder: Path, source: str, monkeypatch: pytest.MonkeyPatch, name: str = "acme") -> None:
    """Put a distribution with a backend, both called `name`, on the path of child processes.

    `source` may change its classes.
    """
    info = folder / f"{name}-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "entry_points.txt").write_text(f"[bench.backends]\n{name} = {name}:BACKEND\n")
    (folder / f"{name}.py").write_text(_PLAIN.replace('name = "acme"', f'name = "{name}"') + source)
    before = os.environ.get("PYTHONPATH")
    monkeypatch.setenv("PYTHONPATH", f"{folder}{os.pathsep}{before}" if before else str(folder))
