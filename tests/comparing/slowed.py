"""A backend for calibration: onnxruntime whose sessions wait busily for a share of every batch's own time.

`installed(FOLDER)` puts it into a folder for PYTHONPATH, as an installed package would be found; BENCH_TEST_SLOWER says
by how much it is slower.
"""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from bench.backends.base import Arrays, Compiled, Model, Options, Session
from bench.backends.onnxruntime import BACKEND as ENGINE
from bench.records.host import Device, Facts

SLOWER = "BENCH_TEST_SLOWER"
NAME = "slowed-onnxruntime"


def installed(folder: Path) -> Path:
    """`folder` with this module and what names its backend."""
    about = folder / "slowed_onnxruntime-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(__file__, folder / "slowed_onnxruntime.py")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: slowed-onnxruntime\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[bench.backends]\n{NAME} = slowed_onnxruntime:BACKEND\n")
    return folder


@dataclass(frozen=True)
class _Slowed:
    session: Session
    share: float

    def run(self, batch: Arrays, out: Arrays) -> None:
        begun = time.perf_counter_ns()
        self.session.run(batch, out)
        now = time.perf_counter_ns()
        until = now + round(self.share * (now - begun))
        while time.perf_counter_ns() < until:
            pass

    def close(self) -> None:
        self.session.close()


@dataclass(frozen=True)
class _Compiled:
    compiled: Compiled

    @property
    def facts(self) -> Facts:
        return self.compiled.facts

    def open(self, worker: int) -> Session:
        return _Slowed(self.compiled.open(worker), float(os.environ.get(SLOWER, "0.05")))

    def close(self) -> None:
        self.compiled.close()


class Backend:
    """onnxruntime, slowed."""

    name = NAME

    def devices(self) -> list[Device]:
        return ENGINE.devices()

    def compile(self, model: Model, device: Device, options: Options) -> Compiled:
        return _Compiled(ENGINE.compile(model, device, options))


BACKEND = Backend()
