"""What a run is asked to do: the frozen plan, and the measurements it expands to.

Nothing here measures or decides; defaults that depend on a workload or a host are resolved by `bench.planning`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Mode = Literal["quick", "standard"]
Scenario = Literal["single_stream", "multi_stream", "offline"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]
Setting = str | int | float | bool

MODES: tuple[Mode, ...] = ("quick", "standard")
SCENARIOS: tuple[Scenario, ...] = ("single_stream", "multi_stream", "offline")
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "bf16", "int8")
DEFAULT_WORKLOADS = ("image_classify", "speech_command")
USER_WORKLOAD = "user_model"
PLAN_SCHEMA = 1


class RunPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a user chooses about a run; equal plans with equal seeds ask for the same work.

    `batch`, `threads` and `workers` left at None take the workload's or the host's default. `settings` go to the
    backend untouched. `model` and `data` name the user's own ONNX file and labelled image folder; then the only
    workload is `user_model`.
    """

    schema: Literal[1] = 1
    workloads: tuple[str, ...] = DEFAULT_WORKLOADS
    scenarios: tuple[Scenario, ...] = ("single_stream", "offline")
    backend: str = "onnxruntime"
    device: str = "cpu"
    mode: Mode = "quick"
    precision: Precision = "fp32"
    batch: int | None = None
    workers: int = 1
    threads: int | None = None
    profile: str | None = None
    model: str | None = None
    data: str | None = None
    seed: int = 0
    budget_s: float | None = None
    settings: dict[str, Setting] = {}

    def __post_init__(self) -> None:
        if not self.workloads or not self.scenarios:
            raise ValueError("a plan needs at least one workload and one scenario")
        if len(set(self.workloads)) < len(self.workloads) or len(set(self.scenarios)) < len(self.scenarios):
            raise ValueError("a plan names each workload and each scenario once")
        for name, value in (("batch", self.batch), ("workers", self.workers), ("threads", self.threads)):
            if value is not None and not 1 <= value <= 65536:
                raise ValueError(f"`{name}` is {value}; it must lie between 1 and 65536")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"`seed` is {self.seed}; it must lie between 0 and 2^63 - 1")
        if self.budget_s is not None and not self.budget_s > 0:
            raise ValueError(f"`budget_s` is {self.budget_s}; it must be positive")
        if self.data is not None and self.model is None:
            raise ValueError("`data` goes with `model`: the suite's workloads bring their own evaluation data")


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how often a mode measures (measurement.md section 3)."""

    repetitions: tuple[int, ...]  # looks: repetitions are added until the interval is narrow enough
    duration_s: float
    longest_s: float
    window_s: float  # warm-up is ten windows of at least this and of `window_batches`
    window_batches: int
    half_width: float | None


EFFORTS: dict[Mode, Effort] = {
    "quick": Effort(repetitions=(1,), duration_s=2.0, longest_s=30.0, window_s=0.1, window_batches=1, half_width=None),
    "standard": Effort(
        repetitions=(5, 10, 20), duration_s=10.0, longest_s=600.0, window_s=1.0, window_batches=50, half_width=0.03
    ),
}


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved line of a plan: the scored unit, before it was measured."""

    workload: str
    scenario: Scenario
    precision: Precision
    batch: int
    samples_per_query: int
    workers: int
    threads: int
    load_samples: int
    quality_samples: int

    @property
    def name(self) -> str:
        """Folder and metric prefix: `<workload>.<scenario>.<precision>`."""
        return f"{self.workload}.{self.scenario}.{self.precision}"
