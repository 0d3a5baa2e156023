"""The kept records: a run holds measurements, a measurement holds trials (repetitions).

Schema history (every version listed here loads; see `bench.records.versions`):
1  first version.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.energy import Energy
from bench.records.findings import Cause, Finding, is_valid
from bench.records.host import Device, DeviceFacts, Facts, Host
from bench.records.job import Challenge, Footage, HandOver, Report, RoundTrip, Stages
from bench.records.loadgen import LoadGenReport
from bench.records.mlperf import MlperfResult
from bench.records.numbers import (
    CurvePoint,
    InFlight,
    Interval,
    Lateness,
    Measured,
    RelativeError,
    RocPoint,
    Share,
    Sketch,
    Verdict,
)
from bench.records.plan import Measurement, Mode, RunPlan, Setting, Timed
from bench.records.profile import Hardware
from bench.records.robustness import Robustness
from bench.records.roofline import Roofline
from bench.records.search import Attempt, Search
from bench.records.state import State
from bench.records.tuning import Tuning

SCHEMA = 1
Status = Literal["partial", "complete"]


class Nonce(msgspec.Struct, frozen=True, kw_only=True):
    """What all randomness of a run follows from: handed out (`given`), or drawn from the system when it started."""

    value: str
    origin: Literal["given", "drawn"]


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What the timed session answered on the evaluation set. `passed` None means not verified, never passed.

    `also` has figures that are usual beside the metric, by id, and `roc` the curve that a rate is a point of; nothing
    is judged by them.
    """

    metric: str
    samples: int
    evaluation_samples: int
    value: float | None = None
    interval: Interval | None = None
    also: dict[str, Share] = {}
    roc: tuple[RocPoint, ...] = ()
    target: float | None = None
    verdict: Verdict | None = None
    error: RelativeError | None = None
    agreement: float | None = None
    judged_by: Literal["paired-difference", "agreement", "nothing"] = "nothing"
    passed: bool | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition, in one child process. `failure` says how it failed, and `cause` why, where that is known.

    `device_shares` says of several devices, in their order, what share of the samples each answered. `lateness` is the
    harness's own in an open loop: how late it began what was due while a worker was free. `in_flight` is what an
    independent thread saw at work.
    """

    schema: int = SCHEMA
    index: int
    status: Literal["complete", "failed"]
    started_at: str
    seed: int
    failure: str | None = None
    cause: Cause | None = None
    report: Report | None = None
    elapsed_s: float = 0.0
    metrics: dict[str, Measured] = {}
    sketch: Sketch | None = None
    quality: Quality | None = None
    findings: tuple[Finding, ...] = ()
    rate_per_s: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    device_shares: tuple[float, ...] = ()
    lateness: Lateness | None = None
    in_flight: InFlight | None = None
    robustness: Robustness | None = None
    energy: Energy | None = None
    state: State | None = None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement, scored over its trials. `device` and `facts` are those of the first of several devices.

    `sketch`, `curve`, `loadgen`, `lateness` and `energy` are those of the repetition whose primary value is the median.
    `slowed_s` are stretches (from, to) of that repetition's sketch, in s, in which heat or hardware held clocks down.
    `repetitions` are the values of each metric in the repetitions that its figure comes from, where all have one; none
    in records that were written before it was there.
    """

    schema: int = SCHEMA
    suite_version: str
    run_id: str
    status: Status
    measurement: Measurement
    mode: Mode
    backend: str
    model_hash: str
    session_hash: str
    config_hash: str
    division: Literal["closed", "open"]
    primary: str
    timed_region: Timed = "host_to_host"
    attestation: Literal["self", "attested"] = "self"
    origin: Literal["measured", "synthetic", "mlperf-import"] = "measured"
    settings: dict[str, Setting] = {}
    device: Device | None = None
    facts: Facts | None = None
    more_devices: tuple[DeviceFacts, ...] = ()
    device_shares: tuple[float, ...] = ()
    metrics: dict[str, Measured] = {}
    repetitions: dict[str, tuple[float, ...]] = {}
    quality: Quality | None = None
    robustness: Robustness | None = None
    sketch: Sketch | None = None
    findings: tuple[Finding, ...] = ()
    trials: tuple[str, ...] = ()
    search: Search | None = None
    attempts: tuple[Attempt, ...] = ()
    curve: tuple[CurvePoint, ...] = ()
    # rates at which concurrent workloads were driven, this one among them
    together: dict[str, float] = {}
    loadgen: LoadGenReport | None = None
    mlperf: MlperfResult | None = None
    lateness: Lateness | None = None
    tuning: Tuning | None = None
    nonce: Nonce | None = None
    hand_over: HandOver | None = None
    round_trip: RoundTrip | None = None
    challenge: Challenge | None = None
    stages: Stages | None = None
    footage: Footage | None = None
    energy: Energy | None = None
    slowed_s: tuple[tuple[float, float], ...] = ()
    roofline: Roofline | None = None

    @property
    def valid(self) -> bool:
        """Complete, and nothing found makes the number void."""
        return self.status == "complete" and is_valid(self.findings)


class FleetPart(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of which fleet a run was: node number `share` of `shares` that measured the same at once."""

    fleet_id: str
    share: int = 0
    shares: int = 1


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One started run: the plan, the host, and its measurements in the order of the plan.

    `hardware` is what the machine is in detail, and what it contradicts of the profile that was named. `fleet` is there
    where a fleet's node made it.
    """

    schema: int = SCHEMA
    suite_version: str
    run_id: str
    started_at: str
    status: Status
    plan: RunPlan
    host: Host
    measurements: tuple[Measurement, ...]
    nonce: Nonce | None = None
    hardware: Hardware | None = None
    fleet: FleetPart | None = None
