"""What a run is asked to do: the frozen plan, and the measurements it expands to.

Nothing here measures or decides; defaults that depend on a workload or a host are resolved by `bench.planning`.
"""

from __future__ import annotations

import math
import re
from typing import Literal

import msgspec

from bench.records.loadgen import Driver

Mode = Literal["quick", "standard", "certified"]
Scenario = Literal["single_stream", "multi_stream", "server", "streams", "ramp", "trace", "offline"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]
Setting = str | int | float | bool

MODES: tuple[Mode, ...] = ("quick", "standard", "certified")
SCENARIOS: tuple[Scenario, ...] = ("single_stream", "multi_stream", "server", "streams", "ramp", "trace", "offline")
# Arrivals are fixed in advance and do not wait for answers.
OPEN_LOOPS: frozenset[Scenario] = frozenset({"server", "streams", "ramp", "trace"})
# The load is searched for where none is given.
SEARCHED: frozenset[Scenario] = frozenset({"server", "streams"})
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "bf16", "int8")
DEFAULT_WORKLOADS: tuple[str, ...] = ("image_classify", "speech_command")
# What a plan that names none may hold; kept plans have the default of their day.
_NONE_NAMED = (DEFAULT_WORKLOADS, ("speech_command",))
USER_WORKLOAD = "user_model"
PLAN_SCHEMA = 1
# 128 bits are what nobody guesses or prepares for.
_NONCE = re.compile(r"(?:[0-9a-f]{2}){16,64}")
MOST_BATCH, MOST_WORKERS, MOST_THREADS, MOST_CHANNELS = 65536, 1024, 65536, 100_000


class RunPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a user chooses about a run; equal plans with equal seeds ask for the same work.

    `batch`, `threads`, `workers` and `max_wait_us` left at None take the workload's or the host's default.
    `more_devices` share one schedule with `device`; `workers` counts sessions on each. `settings` go to the backend
    untouched. With two `processes` the engine has one of its own, as it always has in mode `certified`.
    `nonce`, in lower-case hexadecimal digits, takes the place of `seed`: all that is random follows from it.
    `latency_bound_ms`, `max_wait_us` and `timeout_ms` are for open loops. `rate_per_s` is for `server` and `ramp` (its
    100 %), `channels` and `frames_per_s` are for `streams`; without them the most that holds the bound is searched for.
    `trace` names a file of arrival times. `driver` says who issues the measured part: the harness, or MLPerf LoadGen
    for comparison. `model` and `data` name the user's own ONNX file and labelled image folder;
    then the only workload is `user_model`.
    """

    schema: Literal[1] = 1
    workloads: tuple[str, ...] = DEFAULT_WORKLOADS
    scenarios: tuple[Scenario, ...] = ("single_stream", "offline")
    backend: str = "onnxruntime"
    device: str = "cpu"
    more_devices: tuple[str, ...] = ()
    mode: Mode = "quick"
    driver: Driver = "bench"
    precision: Precision = "fp32"
    batch: int | None = None
    workers: int | None = None
    processes: Literal[1, 2] | None = None
    threads: int | None = None
    rate_per_s: float | None = None
    channels: int | None = None
    frames_per_s: float = 25.0
    trace: str | None = None
    latency_bound_ms: float | None = None
    max_wait_us: float | None = None
    timeout_ms: float | None = None
    profile: str | None = None
    model: str | None = None
    data: str | None = None
    seed: int = 0
    nonce: str | None = None
    budget_s: float | None = None
    settings: dict[str, Setting] = {}

    def __post_init__(self) -> None:
        if not self.workloads or not self.scenarios:
            raise ValueError("a plan needs at least one workload and one scenario")
        if len(set(self.workloads)) < len(self.workloads) or len(set(self.scenarios)) < len(self.scenarios):
            raise ValueError("a plan names each workload and each scenario once")
        for name, value, most in (
            ("batch", self.batch, MOST_BATCH),
            ("workers", self.workers, MOST_WORKERS),
            ("threads", self.threads, MOST_THREADS),
            ("channels", self.channels, MOST_CHANNELS),
        ):
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"`{name}` is {value}; it must lie between 1 and {most}")
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"`seed` is {self.seed}; it must lie between 0 and 2^63 - 1")
        if self.nonce is not None and not _NONCE.fullmatch(self.nonce):
            raise ValueError(
                f"`nonce` is {self.nonce[:140]!r}; it must be 32 to 128 lower-case hexadecimal digits, in pairs, "
                "as `openssl rand -hex 32` prints them"
            )
        if self.nonce is not None and self.seed:
            raise ValueError("`nonce` takes the place of `seed`; a plan has one of them")
        for name, amount in (
            ("budget_s", self.budget_s),
            ("rate_per_s", self.rate_per_s),
            ("latency_bound_ms", self.latency_bound_ms),
            ("timeout_ms", self.timeout_ms),
            ("frames_per_s", self.frames_per_s),
        ):
            if amount is not None and not 0 < amount < math.inf:
                raise ValueError(f"`{name}` is {amount}; it must be positive and finite")
        if self.max_wait_us is not None and not 0 <= self.max_wait_us < math.inf:
            raise ValueError(f"`max_wait_us` is {self.max_wait_us}; it must be finite and not negative")
        for name, setting in self.settings.items():
            if isinstance(setting, float) and not math.isfinite(setting):
                raise ValueError(f"setting {name!r} is {setting}, which no record can hold")
        if "trace" in self.scenarios and self.trace is None:
            raise ValueError("the scenario `trace` needs a file of arrival times: `trace`")
        if "trace" not in self.scenarios and self.trace is not None:
            raise ValueError(f"`trace` goes with the scenario `trace`, and the plan names {', '.join(self.scenarios)}")
        if self.data is not None and self.model is None:
            raise ValueError("`data` goes with `model`: the suite's workloads bring their own evaluation data")
        if self.model is not None and self.workloads not in (*_NONE_NAMED, (USER_WORKLOAD,)):
            raise ValueError(f"`model` brings the only workload, and the plan names {', '.join(self.workloads)}, too")
        if len(set(self.devices)) < len(self.devices):
            raise ValueError(f"a plan names each device once; this one has {', '.join(self.devices)}")
        if self.mode == "certified":
            self._check_certified()
        if self.own_process and self.more_devices:
            raise ValueError(
                f"an engine in a process of its own drives one device, and the plan names {', '.join(self.devices)}"
            )
        for text in (*self.workloads, self.backend, *self.devices, self.profile, self.model, self.data, self.trace):
            _refuse_surrogates(text)
        for name, setting in self.settings.items():
            _refuse_surrogates(name)
            _refuse_surrogates(setting)

    def _check_certified(self) -> None:
        """Whether the plan leaves to `certified` what is not the user's to choose there."""
        if self.processes == 1:
            raise ValueError("mode `certified` runs the engine in a process of its own: `processes` is 2 there, not 1")
        if self.driver != "bench":
            raise ValueError(f"mode `certified` measures with the driver `bench`, and the plan names {self.driver!r}")
        if self.seed:
            raise ValueError(
                f"mode `certified` takes no `seed`, and the plan has {self.seed}: what is random there follows from "
                "`nonce`, which a testing service hands out, or the system where none is given"
            )

    @property
    def own_process(self) -> bool:
        """Whether the engine gets a process of its own."""
        return self.processes == 2 or self.mode == "certified"

    @property
    def devices(self) -> tuple[str, ...]:
        """Every device of the plan, the first one first."""
        return (self.device, *self.more_devices)


def _refuse_surrogates(value: Setting | None) -> None:
    """Bytes of a command line that are no UTF-8 arrive as these, and no record can hold them."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{value!r} is not a text in UTF-8") from None


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how often a mode measures (measurement.md section 3)."""

    repetitions: tuple[int, ...]  # looks: repetitions are added until the interval is narrow enough
    duration_s: float
    longest_s: float
    window_s: float  # warm-up is ten windows of at least this and of `window_batches`
    window_batches: int
    half_width: float | None
    half_width_p99: float | None = None  # where it is another one for 99th percentiles
    first_window_s: float | None = None  # windows of the first process, which also brings the machine to heat
    bounds: float = 0.0  # `server` and `streams` last at least this many latency bounds
    # `server`: how far apart the ends of a searched rate may be, how much a rate that fails is lowered, how often; and
    # whether the next higher one, which does not hold, gets repetitions of its own
    search_width: float = 0.02
    step_down: float = 0.01
    most_attempts: int = 20
    confirm_failing: bool = True


EFFORTS: dict[Mode, Effort] = {
    "quick": Effort(
        repetitions=(1,),
        duration_s=2.0,
        longest_s=30.0,
        window_s=0.1,
        window_batches=1,
        half_width=None,
        search_width=0.05,
        step_down=0.05,
        most_attempts=5,
        confirm_failing=False,
    ),
    "standard": Effort(
        repetitions=(5, 10, 20), duration_s=10.0, longest_s=600.0, window_s=1.0, window_batches=50, half_width=0.03
    ),
    "certified": Effort(
        repetitions=(5, 10, 20),
        duration_s=60.0,
        longest_s=600.0,
        window_s=1.0,
        window_batches=50,
        half_width=0.01,
        half_width_p99=0.03,
        first_window_s=60.0,
        bounds=300.0,
        search_width=0.01,
    ),
}


# Fewest queries per scenario (batches in `offline`): what the primary metric and its interval within the run need. 200
# put an exceedance of p90 into at least ten of twenty batches; 662 carry p99; twenty batches make twenty batch means.
# `streams`: frames of a camera, of which one may be late; `ramp`: queries at one rate.
LEAST_QUERIES: dict[Scenario, int] = {
    "single_stream": 200,
    "multi_stream": 662,
    "server": 662,
    "streams": 100,
    "ramp": 100,
    "trace": 662,
    "offline": 20,
}


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved line of a plan: the scored unit, before it was measured.

    In an open loop `batch` is the most that a row holds; `latency_bound_ns` is the deadline of a frame in `streams`.
    `rate_per_s` is None where it is found while running: searched for, or measured without gaps as the 100 % of a
    `ramp`. In `streams` it is that of all cameras together. `workers` counts sessions on each of the first `devices` of
    the plan.
    """

    workload: str
    scenario: Scenario
    precision: Precision
    batch: int
    samples_per_query: int
    workers: int
    threads: int
    load_samples: int
    quality_samples: int
    latency_bound_ns: int | None = None
    max_wait_ns: int = 0
    timeout_ns: int | None = None
    rate_per_s: float | None = None
    frames_per_s: float | None = None
    trace_sha256: str | None = None
    trace_queries: int | None = None
    devices: int = 1
    # "own": the engine lives in a process of its own behind shared memory; "shared": in the harness's
    session_process: Literal["shared", "own"] = "shared"
    driver: Driver = "bench"

    @property
    def name(self) -> str:
        """Folder and metric prefix: `<workload>.<scenario>.<precision>`."""
        return f"{self.workload}.{self.scenario}.{self.precision}"


def effort_of(mode: Mode, measurement: Measurement, first: bool = False) -> Effort:
    """The effort of `mode` for one measurement: a load with a long latency bound takes longer to show itself.

    `first`: of its first process, be it a search or a repetition, which brings the machine to heat.
    """
    effort = EFFORTS[mode]
    if first and effort.first_window_s is not None:
        effort = msgspec.structs.replace(effort, window_s=effort.first_window_s)
    if measurement.scenario not in SEARCHED or measurement.latency_bound_ns is None:
        return effort
    least_s = min(effort.bounds * measurement.latency_bound_ns / 1e9, effort.longest_s)
    return msgspec.structs.replace(effort, duration_s=max(effort.duration_s, least_s))
