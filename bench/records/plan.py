"""What a run is asked to do: the frozen plan, and the measurements it expands to.

Nothing here measures or decides; defaults that depend on a workload or a host are resolved by `bench.planning`.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

from bench.records.loadgen import Driver
from bench.records.nonce import check_nonce
from bench.records.preparation import Preparation

Mode = Literal["quick", "standard", "certified", "mlperf"]
Scenario = Literal["single_stream", "multi_stream", "server", "streams", "ramp", "trace", "concurrent", "offline"]
Precision = Literal["fp32", "fp16", "bf16", "int8"]
Setting = str | int | float | bool
# What is inside the clock: prepared inputs to raw outputs, or files to answers.
Region = Literal["host_to_host", "end_to_end"]
# A result that was imported was timed by MLPerf LoadGen, around whatever its submitter put inside.
Timed = Literal["host_to_host", "end_to_end", "mlperf"]

REGIONS: tuple[Region, ...] = ("host_to_host", "end_to_end")
MODES: tuple[Mode, ...] = ("quick", "standard", "certified", "mlperf")
SCENARIOS: tuple[Scenario, ...] = (
    *("single_stream", "multi_stream"),
    *("server", "streams", "ramp", "trace", "concurrent"),
    "offline",
)
# Arrivals are fixed in advance and do not wait for answers.
OPEN_LOOPS: frozenset[Scenario] = frozenset({"server", "streams", "ramp", "trace", "concurrent"})
# The load is searched for where none is given.
SEARCHED: frozenset[Scenario] = frozenset({"server", "streams"})
PRECISIONS: tuple[Precision, ...] = ("fp32", "fp16", "bf16", "int8")
DEFAULT_WORKLOADS: tuple[str, ...] = ("image_classify", "speech_command")
# What a plan that names none may hold; kept plans have the default of their day.
_NONE_NAMED = (DEFAULT_WORKLOADS, ("speech_command",))
USER_WORKLOAD = "user_model"
PLAN_SCHEMA = 1
# Under a second not even the default's trial is over; over a day somebody has mistaken the unit.
TUNE_BUDGET_S = (1, 86_400)
MOST_BATCH, MOST_WORKERS, MOST_THREADS, MOST_CHANNELS = 65536, 1024, 65536, 100_000


class RunPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a user chooses about a run; equal plans with equal seeds ask for the same work.

    `batch`, `threads`, `workers` and `max_wait_us` left at None take the workload's or the host's default.
    `more_devices` share one schedule with `device`; `workers` counts sessions on each. `settings` go to the backend
    untouched. With two `processes` the engine has one of its own, as it always has in mode `certified`.
    `nonce`, in lower-case hexadecimal digits, takes the place of `seed`: all that is random follows from it.
    `token` names the token of a registry that the nonce was handed out with, for mode `certified`.
    `latency_bound_ms`, `max_wait_us` and `timeout_ms` are for open loops. `rate_per_s` is for `server`, `ramp` (its
    100 %) and `concurrent`, and `rates` has that of single workloads; `channels` and `frames_per_s` are for `streams`.
    Without them `server` and `streams` search for the most that holds the bound.
    `tune` has what is left at None of `batch`, `workers`, `threads` and `max_wait_us` chosen by trials, for at most
    `tune_budget_s` in each measurement (None: the mode's).
    `robustness` has corrupted copies of the evaluation samples answered, too. `profile` names the hardware profile, or
    its file, that the machine is held against; `power` says where energy is read (see `bench.power.choice`).
    `timed_region` says what is inside the clock. `trace` names a file of arrival times. `driver` says who issues the
    measured part: the harness, or MLPerf LoadGen for comparison. `model` and `data` name the user's own ONNX file and
    folder of labelled files, which `preparation` makes into inputs; then the only workload is `user_model`.
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
    timed_region: Region = "host_to_host"
    batch: int | None = None
    workers: int | None = None
    processes: Literal[1, 2] | None = None
    threads: int | None = None
    rate_per_s: float | None = None
    rates: dict[str, float] = {}
    channels: int | None = None
    frames_per_s: float = 25.0
    trace: str | None = None
    latency_bound_ms: float | None = None
    max_wait_us: float | None = None
    timeout_ms: float | None = None
    profile: str | None = None
    power: tuple[str, ...] = ("auto",)
    model: str | None = None
    data: str | None = None
    preparation: Preparation | None = None
    task: str | None = None
    agreement: bool = False
    seed: int = 0
    nonce: str | None = None
    token: str | None = None
    budget_s: float | None = None
    robustness: bool = False
    tune: bool = False
    tune_budget_s: float | None = None
    settings: dict[str, Setting] = {}

    def __post_init__(self) -> None:
        if not self.workloads or not self.scenarios:
            raise ValueError("a plan needs at least one workload and one scenario")
        if len(set(self.workloads)) < len(self.workloads) or len(set(self.scenarios)) < len(self.scenarios):
            raise ValueError("a plan names each workload and each scenario once")
        _check_numbers(self)
        _check_what_goes_together(self)
        _check_texts(self)

    @property
    def own_process(self) -> bool:
        """Whether the engine gets a process of its own."""
        return self.processes == 2 or self.mode == "certified"

    @property
    def devices(self) -> tuple[str, ...]:
        """Every device of the plan, the first one first."""
        return (self.device, *self.more_devices)


def _check_numbers(plan: RunPlan) -> None:
    """Whether every number lies where it may."""
    for name, value, most in (
        ("batch", plan.batch, MOST_BATCH),
        ("workers", plan.workers, MOST_WORKERS),
        ("threads", plan.threads, MOST_THREADS),
        ("channels", plan.channels, MOST_CHANNELS),
    ):
        if value is not None and not 1 <= value <= most:
            raise ValueError(f"`{name}` is {value}; it must lie between 1 and {most}")
    if not 0 <= plan.seed < 2**63:
        raise ValueError(f"`seed` is {plan.seed}; it must lie between 0 and 2^63 - 1")
    check_nonce(plan.nonce, plan.token, plan.seed, plan.mode == "certified")
    for name, amount in (
        ("budget_s", plan.budget_s),
        ("rate_per_s", plan.rate_per_s),
        ("latency_bound_ms", plan.latency_bound_ms),
        ("timeout_ms", plan.timeout_ms),
        ("frames_per_s", plan.frames_per_s),
        *((f"rates.{name}", rate) for name, rate in plan.rates.items()),
    ):
        if amount is not None and not 0 < amount < math.inf:
            raise ValueError(f"`{name}` is {amount}; it must be positive and finite")
    _check_tuning(plan)
    if plan.max_wait_us is not None and not 0 <= plan.max_wait_us < math.inf:
        raise ValueError(f"`max_wait_us` is {plan.max_wait_us}; it must be finite and not negative")
    for name, setting in plan.settings.items():
        if isinstance(setting, float) and not math.isfinite(setting):
            raise ValueError(f"setting {name!r} is {setting}, which no record can hold")


def _check_what_goes_together(plan: RunPlan) -> None:
    """Whether no part of a plan contradicts another."""
    if "trace" in plan.scenarios and plan.trace is None:
        raise ValueError("the scenario `trace` needs a file of arrival times: `trace`")
    if "trace" not in plan.scenarios and plan.trace is not None:
        raise ValueError(f"`trace` goes with the scenario `trace`, and the plan names {', '.join(plan.scenarios)}")
    if stray := [name for name in plan.rates if name not in plan.workloads]:
        raise ValueError(f"`rates` names {', '.join(stray)}, which is no workload of the plan")
    if "concurrent" in plan.scenarios and (len(plan.workloads) < 2 or plan.model is not None):
        raise ValueError("the scenario `concurrent` needs two workloads or more of the suite to run at once")
    _check_own_files(plan)
    if plan.robustness and plan.model is not None and plan.data is None:
        raise ValueError("`robustness` corrupts labelled samples: beside `model` it needs `data`")
    if plan.model is not None and plan.workloads not in (*_NONE_NAMED, (USER_WORKLOAD,)):
        raise ValueError(f"`model` brings the only workload, and the plan names {', '.join(plan.workloads)}, too")
    if len(set(plan.devices)) < len(plan.devices):
        raise ValueError(f"a plan names each device once; this one has {', '.join(plan.devices)}")
    if plan.mode == "certified":
        _check_certified(plan)
    if plan.mode == "mlperf" and plan.driver != "loadgen":
        raise ValueError(
            f"mode `mlperf` is a test of MLPerf LoadGen, and the plan's driver is {plan.driver!r}: ask for `loadgen`"
        )
    if plan.own_process and plan.timed_region != "host_to_host":
        raise ValueError(
            "an engine in a process of its own, as mode `certified` has, is timed from host to host; the plan asks "
            f"for `{plan.timed_region}`"
        )
    if plan.robustness and plan.timed_region != "host_to_host":
        raise ValueError(
            f"`robustness` spoils prepared samples, and `{plan.timed_region}` feeds files; ask for one of them"
        )
    if plan.own_process and plan.more_devices:
        raise ValueError(
            f"an engine in a process of its own drives one device, and the plan names {', '.join(plan.devices)}"
        )


def _check_own_files(plan: RunPlan) -> None:
    """Whether what a user brings goes together."""
    if plan.data is not None and plan.model is None and not plan.agreement:
        raise ValueError(
            "`data` goes with `model`: the suite's workloads bring their own evaluation data; on unlabelled files "
            "they can be held against a reference engine (`agreement`)"
        )
    if plan.preparation is not None and plan.preparation.shapes and plan.model is None:
        raise ValueError("`shapes` of a preparation go with `model`: the suite's workloads have theirs")
    if (
        plan.preparation is not None
        and plan.data is None
        and (plan.preparation.of_files or not plan.preparation.shapes)
    ):
        raise ValueError("`preparation` goes with `data`, which it makes into inputs")
    if plan.task is not None and plan.model is None:
        raise ValueError("`task` goes with `model`: the suite's workloads have theirs")
    if plan.agreement and plan.data is None:
        raise ValueError("`agreement` needs `data`: the folder of files to be answered")
    if plan.agreement and plan.robustness:
        raise ValueError("`robustness` counts right answers, and files of `agreement` have no labels; ask for one")


def _check_certified(plan: RunPlan) -> None:
    """Whether the plan leaves to `certified` what is not the user's to choose there."""
    if plan.processes == 1:
        raise ValueError("mode `certified` runs the engine in a process of its own: `processes` is 2 there, not 1")
    if plan.driver != "bench":
        raise ValueError(f"mode `certified` measures with the driver `bench`, and the plan names {plan.driver!r}")
    if plan.seed:
        raise ValueError(
            f"mode `certified` takes no `seed`, and the plan has {plan.seed}: what is random there follows from "
            "`nonce`, which a testing service hands out, or the system where none is given"
        )


def _check_texts(plan: RunPlan) -> None:
    """Whether a record can hold every text."""
    paths = (plan.model, plan.data, plan.trace, *plan.power)
    for text in (*plan.workloads, *plan.rates, plan.backend, *plan.devices, plan.profile, *paths):
        _refuse_surrogates(text)
    for name, setting in plan.settings.items():
        _refuse_surrogates(name)
        _refuse_surrogates(setting)


def _check_tuning(plan: RunPlan) -> None:
    budget_s, (least, most) = plan.tune_budget_s, TUNE_BUDGET_S
    if budget_s is not None and not plan.tune:
        raise ValueError("`tune_budget_s` goes with `tune`, which the plan does not ask for")
    if budget_s is not None and not least <= budget_s <= most:
        raise ValueError(f"`tune_budget_s` is {budget_s}; it must lie between {least} and {most} seconds")
    if plan.tune and plan.driver == "loadgen":
        raise ValueError("`tune` compares trials of our own driver; it does not go with the driver `loadgen`")


def _refuse_surrogates(value: Setting | None) -> None:
    """Bytes of a command line that are no UTF-8 arrive as these, and no record can hold them."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{value!r} is not a text in UTF-8") from None


class Measurement(msgspec.Struct, frozen=True, kw_only=True):
    """One resolved line of a plan: the scored unit, before it was measured.

    In an open loop `batch` is the most that a row holds; `latency_bound_ns` is the deadline of a frame in `streams`.
    `rate_per_s` is None where it is found while running: searched for, or measured without gaps as the 100 % of a
    `ramp` or as the share of one of several `concurrent` workloads. In `streams` it is that of all cameras together.
    `beside` has the workloads that are driven at the same time, with the rates that were given for them. `workers`
    counts sessions on each of the first `devices` of the plan. `stress_samples` evaluation samples are answered under
    each of `stress_conditions` corruptions and levels, none where nothing of that was asked for here.
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
    beside: dict[str, float | None] = {}
    timed_region: Region = "host_to_host"
    stress_samples: int = 0
    stress_conditions: int = 0

    @property
    def name(self) -> str:
        """Folder and metric prefix: `<workload>.<scenario>.<precision>`."""
        return f"{self.workload}.{self.scenario}.{self.precision}"
