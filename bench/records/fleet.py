"""What a fleet of nodes was asked, what its nodes are, which runs came of it, and what they come to together.

A run is one machine's and is kept as any other; here stands what holds several of them together. Times of nodes are
brought to the head's clock by measured offsets, each with the bound of its error.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.host import Device, Host
from bench.records.numbers import Interval, Measured, Refusal
from bench.records.plan import RunPlan
from bench.records.profile import Profile

Per = Literal["node", "device"]
Outcome = Literal["complete", "partial", "failed", "lost", "stopped"]
ProblemCode = Literal[
    "no-answer",
    "other-suite",
    "other-code",
    "other-python",
    "other-ray",
    "other-packages",
    "no-device",
    "plan-refused",
    "host-shared",
]
LONGEST_WAIT_S = 86_400.0


class FleetPlan(msgspec.Struct, frozen=True, kw_only=True):
    """A plan, and which nodes carry it out how.

    `nodes` names them; where it is empty the first `count` are taken, or all. `per` device: a run for each device of
    the plan's kind. `together`: all nodes start each repetition at one moment, `server` at an equal share of the rate
    each, and their timelines are joined; `scale` has 1, 2, 4 … nodes do so. `share_host` lets runs share a host.
    `spare`: what a lost node did not finish is repeated, whole, on another identical node. A host that is taken is
    waited for during `wait_s`; a node that says nothing for `patience_s` is lost.
    """

    plan: RunPlan
    nodes: tuple[str, ...] = ()
    count: int | None = None
    per: Per = "node"
    together: bool = False
    scale: bool = False
    share_host: bool = False
    spare: bool = False
    wait_s: float = 3600.0
    patience_s: float = 120.0

    def __post_init__(self) -> None:
        if self.count is not None and self.count < 1:
            raise ValueError(f"`count` is {self.count}; a fleet has at least one node")
        for name, value in (("wait_s", self.wait_s), ("patience_s", self.patience_s)):
            if not 0 <= value <= LONGEST_WAIT_S:
                raise ValueError(f"`{name}` is {value}; it must lie between 0 and {LONGEST_WAIT_S:.0f} seconds")
        if self.plan.token is not None:
            raise ValueError("a token is good for one run, and a fleet starts several: plan without `token`")
        if self.scale and not self.together:
            raise ValueError("`scale` counts nodes that measure together: it goes with `together`")
        if self.together:
            _check_together(self)


def _check_together(asked: FleetPlan) -> None:
    plan = asked.plan
    if stray := [scenario for scenario in plan.scenarios if scenario not in ("offline", "server")]:
        raise ValueError(f"nodes measure `offline` and `server` together, and the plan names {', '.join(stray)}")
    if asked.scale and plan.scenarios != ("offline",):
        raise ValueError("e(n) is of throughput: `scale` takes the scenario `offline` alone")
    if "server" in plan.scenarios and any(plan.rates.get(name, plan.rate_per_s) is None for name in plan.workloads):
        raise ValueError("`server` over several nodes needs the rate of all together: `rate_per_s`")
    if plan.driver != "bench":
        raise ValueError(f"nodes start together with the driver `bench`, and the plan names {plan.driver!r}")
    if asked.per == "device":
        raise ValueError("nodes that measure together have a run each: `per` is `node` there")
    if asked.spare:
        raise ValueError("what was measured together cannot be repeated by one node: `spare` does not go with it")


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """A node's clock minus the head's in ns, read at `at_ns` of the head's.

    Half of the fastest of `rounds` round trips bounds the error: whichever way took what part of it.
    """

    at_ns: int
    offset_ns: int
    error_ns: int
    rounds: int


class NodeFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a node says of itself. `boot_id` tells hosts apart, also where several nodes are containers of one.

    `profile` is the machine as detected, without serial numbers; `profiles` are the shipped ones that fit it. `devices`
    has what each backend that was asked sees there, `unusable` why one sees nothing.
    """

    suite_version: str
    code_sha256: str
    ray_version: str | None
    host: Host
    profile: Profile
    profiles: tuple[str, ...] = ()
    boot_id: str | None = None
    devices: dict[str, tuple[Device, ...]] = {}
    unusable: dict[str, str] = {}


class FleetNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the cluster; `facts` are None where it gave no answer, for the reason in `why`.

    `busy`: somebody holds it now. `clocks` are the readings of its clock, in order.
    """

    name: str
    node_id: str
    address: str
    facts: NodeFacts | None = None
    why: str | None = None
    busy: bool | None = None
    clocks: tuple[Clock, ...] = ()


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Why a fleet does not start: what was seen of a node, and what it is held against."""

    code: ProblemCode
    node: str
    seen: str
    expected: str = ""


class FleetRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a node: its id in `results/runs`, how many whole repetitions came back, and how it ended.

    `stage` counts what happened one after another, `share` the nodes within it. `repeats` is the id of the lost run
    that this one was made in place of; nothing of the two is ever merged.
    """

    run_id: str
    node: str
    device: str
    outcome: Outcome
    trials: int
    stage: int = 0
    share: int = 0
    why: str | None = None
    repeats: str | None = None


class LostTrial(msgspec.Struct, frozen=True, kw_only=True):
    """What a node was doing when it was lost: nothing of that repetition is kept."""

    run_id: str
    node: str
    measurement: str | None
    repetition: int | None
    why: str


class NodeShare(msgspec.Struct, frozen=True, kw_only=True):
    """A node's part of a joined repetition: when it began and ended after the common start, in ns of the head's clock.

    `window_samples` counts what it answered in the common window.
    """

    node: str
    run_id: str
    begun_ns: int
    ended_ns: int
    samples: int
    window_samples: int
    clock_error_ns: int


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition of all nodes together. `metrics` pool the answers of all, each latency by its own node's clock.

    The common window, from the last beginning to the first end, lasts `window_ns` of `span_ns` from the first beginning
    to the last end; `window_samples_per_s` is the throughput in it, refused where it is too small a part, and
    `clock_error_share` the most that errors of clocks can have changed it by.
    """

    stage: int
    measurement: str
    repetition: int
    shares: tuple[NodeShare, ...]
    window_ns: int
    span_ns: int
    window_samples_per_s: float | None
    clock_error_share: float
    start_spread_ns: int
    metrics: dict[str, Measured] = {}
    refusal: Refusal | None = None


class FleetPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement by `count` nodes: throughput over repetitions, and e(n) = T(n) / Σ T(1) of the same nodes alone."""

    stage: int
    measurement: str
    count: int
    samples_per_s: float
    interval: Interval | None = None
    efficiency: float | None = None
    efficiency_interval: Interval | None = None


class Fleet(msgspec.Struct, frozen=True, kw_only=True):
    """A fleet's whole: kept as `results/fleets/<fleet_id>/fleet.json`."""

    schema: Literal[1] = 1
    fleet_id: str
    suite_version: str
    started_at: str
    status: Literal["partial", "complete"]
    asked: FleetPlan
    nodes: tuple[FleetNode, ...]
    runs: tuple[FleetRun, ...] = ()
    lost: tuple[LostTrial, ...] = ()
    joined: tuple[Joined, ...] = ()
    points: tuple[FleetPoint, ...] = ()
