"""What a sample costs the processor where nothing else computes: the cost that a card's host is held against.

`results/reference/<name>/cpu.json` is written by `bench workload cost` from a kept run of the reference engine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from bench.records.untrusted import BadFile, read_json

FILE = "cpu.json"
# The engine, its device, precision and scenario of the run that a cost is taken from.
ENGINE, DEVICE, PRECISION, SCENARIO = "onnxruntime", "cpu", "fp32", "offline"


class CpuCost(msgspec.Struct, frozen=True, kw_only=True):
    """Processor seconds per sample of `engine` in fp32, offline, on one thread, and what they were measured on.

    `low` and `high`: the 95 % interval over the repetitions. `foreign_cpu_share`: what other processes took of the
    machine meanwhile, at most (0 to 1; None: not readable).
    """

    seconds: float
    low: float
    high: float
    repetitions: int
    engine: str
    engine_version: str
    batch: int
    threads: int
    model_hash: str
    cpu_model: str
    cores_usable: int
    virtualised: str | None
    kernel: str
    measured_at: str
    foreign_cpu_share: float | None = None


@runtime_checkable
class KnowsCpuCost(Protocol):
    """What a workload may have besides: what its network costs a processor."""

    def cpu_cost(self) -> CpuCost | None:
        """The stored cost; None when there is none. Raises BadFile."""


def cpu_cost_of(workload: object) -> CpuCost | None:
    """The stored cost of a sample, None where nobody measured it. Raises BadFile."""
    return workload.cpu_cost() if isinstance(workload, KnowsCpuCost) else None


def read_cpu_cost(folder: Path) -> CpuCost | None:
    """The cost that is stored in `folder`, None where there is none. Raises BadFile."""
    file = folder / FILE
    if not file.exists():
        return None
    kept = read_json(file, CpuCost)
    if not 0 < kept.low <= kept.seconds <= kept.high:
        raise BadFile(f"{file}: {kept.seconds} s with an interval from {kept.low} to {kept.high} is no cost")
    return kept
