"""A fleet's run from the head: nodes chosen, asked and checked, then stage by stage their runs, and their sum."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import msgspec

from bench import __version__
from bench.fleet.agent import Agent
from bench.fleet.checking import addressed, host_of, identical, problems_of
from bench.fleet.clocks import read_clock
from bench.fleet.joining import points
from bench.fleet.keeping import keep_fleet
from bench.fleet.leases import Leases
from bench.fleet.messages import At
from bench.fleet.seam import AgentFailed, Cluster, FleetError, Member, NodeLost
from bench.fleet.shares import share_of
from bench.fleet.stage import Finished, Place, Stage
from bench.planning import check_names, from_anywhere
from bench.plugins import suggestion
from bench.records.fleet import Fleet, FleetNode, FleetPlan, NodeFacts, Problem
from bench.records.plan import RunPlan
from bench.scaling import counts_up_to
from bench.store.places import ensure_writable
from bench.store.runs import new_run_id

_AT_ONCE = 32


class Refused(Exception):
    """Nothing was started, for these reasons."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = tuple(problems)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What one place does now: a line of the table of all nodes."""

    node: str
    device: str
    stage: int
    state: Literal["waiting", "measuring", "complete", "partial", "failed", "lost", "stopped"]
    at: At | None = None
    trials: int = 0
    received: int = 0
    why: str = ""


Observer = Callable[[Row], None]


def describe(cluster: Cluster, members: Sequence[Member], backends: Sequence[str]) -> list[FleetNode]:
    """What each node says of itself, all asked at once; one that does not answer says why."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda member: _described(cluster, member, backends), members))


def _described(cluster: Cluster, member: Member, backends: Sequence[str]) -> FleetNode:
    hand = cluster.look(member)
    try:
        facts = msgspec.json.decode(hand.ask("describe", tuple(backends)), type=NodeFacts)
        clock = read_clock(lambda: int(hand.ask("clock")))
    except (NodeLost, AgentFailed, msgspec.DecodeError) as error:
        return FleetNode(name=member.name, node_id=member.node_id, address=member.address, why=str(error))
    finally:
        hand.release()
    return FleetNode(name=member.name, node_id=member.node_id, address=member.address, facts=facts, clocks=(clock,))


def chosen(members: Sequence[Member], asked: FleetPlan) -> list[Member]:
    """The members that are asked for, in that order. Raises FleetError."""
    if not members:
        raise FleetError("The cluster has no node that is alive.")
    if asked.nodes:
        known = {member.name: member for member in members}
        for name in asked.nodes:
            if name not in known:
                raise FleetError(f"There is no node {name!r}.{suggestion(name, list(known))}")
        return [known[name] for name in dict.fromkeys(asked.nodes)]
    if asked.count is not None and asked.count > len(members):
        raise FleetError(f"{asked.count} nodes are asked for, and {len(members)} are alive.")
    return list(members[: asked.count])


def run_fleet(
    cluster: Cluster, asked: FleetPlan, results: Path, observe: Observer, stop: threading.Event
) -> tuple[Path, Fleet]:
    """Carry out a plan on a fleet; what came back is kept under `results` however it ends. Returns the record's file.

    `stop`, once set, ends what runs; whole repetitions stay. Raises FleetError or Refused before anything starts, and
    BadPlan or CannotWrite.
    """
    check_names(asked.plan)
    asked = msgspec.structs.replace(asked, plan=from_anywhere(asked.plan))
    ensure_writable(results)
    members = cluster.members()
    wanted = chosen(members, asked)
    nodes = describe(cluster, wanted, (asked.plan.backend,))
    head = msgspec.json.decode(Agent().describe(()), type=NodeFacts)
    if found := problems_of(nodes, head, asked) or _refusals(cluster, wanted, asked):
        raise Refused(found)
    spares = [member for member in members if member not in wanted] if asked.spare else []
    going = _Going(cluster, asked, results, observe, stop, nodes, describe(cluster, spares, (asked.plan.backend,)))
    return going.run()


def _refusals(cluster: Cluster, members: Sequence[Member], asked: FleetPlan) -> list[Problem]:
    """Plans that a node cannot carry out: its own reasons, before anything is measured anywhere."""
    plans = [
        share_of(asked.plan, place, len(members)) if asked.together else asked.plan for place in range(len(members))
    ]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        found = list(pool.map(lambda pair: _refusal(cluster, *pair), zip(members, plans, strict=True)))
    return [one for one in found if one is not None]


def _refusal(cluster: Cluster, member: Member, plan: RunPlan) -> Problem | None:
    hand = cluster.look(member)
    try:
        why = str(hand.ask("refusal", msgspec.json.encode(plan)))
    except (NodeLost, AgentFailed) as error:
        return Problem(code="no-answer", node=member.name, seen=str(error))
    finally:
        hand.release()
    return Problem(code="plan-refused", node=member.name, seen=why) if why else None


class _Going:
    """A fleet under way: its record, which is kept after every stage."""

    def __init__(
        self,
        cluster: Cluster,
        asked: FleetPlan,
        results: Path,
        observe: Observer,
        stop: threading.Event,
        nodes: Sequence[FleetNode],
        spares: Sequence[FleetNode],
    ) -> None:
        now = datetime.datetime.now(datetime.UTC)
        self._now, self._results, self._stop, self._observe = now, results, stop, observe
        self._nodes, self._spares = list(nodes), list(spares)
        self._leases = Leases(cluster, asked.share_host, asked.wait_s, stop)
        self._ids: set[str] = set()
        self._fleet = Fleet(
            fleet_id=new_run_id(now),
            suite_version=__version__,
            started_at=now.isoformat(timespec="seconds"),
            status="partial",
            asked=asked,
            nodes=tuple(nodes),
        )

    def run(self) -> tuple[Path, Fleet]:
        file = keep_fleet(self._results, self._fleet)
        for number, places in enumerate(self._stages()):
            if not self._stop.is_set():
                self._take(self._stage(number).carry_out(places))
        if self._fleet.asked.spare and not self._stop.is_set():
            self._repeat_lost()
        repeated = {run.repeats for run in self._fleet.runs if run.outcome == "complete"}
        whole = all(run.outcome == "complete" or run.run_id in repeated for run in self._fleet.runs)
        done = whole and bool(self._fleet.runs) and not self._stop.is_set()
        self._fleet = msgspec.structs.replace(
            self._fleet, status="complete" if done else "partial", points=points(self._fleet.joined)
        )
        return keep_fleet(self._results, self._fleet) or file, self._fleet

    def _stages(self) -> list[list[Place]]:
        """What is done one after another; the places of a stage are under way at once as far as hosts allow."""
        asked, nodes = self._fleet.asked, self._nodes
        if not asked.together:
            return [[place for node in nodes for place in self._places(node)]]
        groups = [nodes]
        if asked.scale:
            counts = [count for count in counts_up_to(len(nodes)) if count > 1]
            groups = [*([node] for node in nodes), *(nodes[:count] for count in counts)]
        return [
            [
                Place(node=node, plan=share_of(asked.plan, number, len(group)), share=number, shares=len(group))
                for number, node in enumerate(group)
            ]
            for group in groups
        ]

    def _places(self, node: FleetNode, repeats: str | None = None, device: str | None = None) -> list[Place]:
        plan = self._fleet.asked.plan
        devices = [device] if device is not None else self._devices(node)
        if self._fleet.asked.per == "node":
            return [Place(node=node, plan=plan, repeats=repeats)]
        return [
            Place(node=node, plan=msgspec.structs.replace(plan, device=one, more_devices=()), repeats=repeats)
            for one in devices
        ]

    def _devices(self, node: FleetNode) -> list[str]:
        plan, facts = self._fleet.asked.plan, node.facts
        kind = addressed(plan.device).split(":")[0]
        listed = facts.devices.get(plan.backend, ()) if facts is not None else ()
        return [device.address for device in listed if device.kind == kind]

    def _repeat_lost(self) -> None:
        """Runs of lost nodes again, each whole and on one identical node; what was lost with them too is not."""
        lost = [run for run in self._fleet.runs if run.outcome == "lost"]
        gone = {run.node for run in lost}
        by_name = {node.name: node for node in self._nodes}
        places: list[Place] = []
        for run in lost:
            able = [
                node
                for node in (*self._spares, *self._nodes)
                if node.name not in gone and identical(node, by_name[run.node])
            ]
            if able:
                device = run.device if self._fleet.asked.per == "device" else None
                places += self._places(able[len(places) % len(able)], run.run_id, device)
        if places:
            self._nodes += [place.node for place in places if place.node not in self._nodes]
            self._take(self._stage(1).carry_out(places))

    def _stage(self, number: int) -> Stage:
        return Stage(number, self._fleet, self._results, self._leases, self._new_id, self._told, self._stop)

    def _told(self, place: Place, stage: int, state: str, at: At | None, trials: int, received: int, why: str) -> None:
        self._observe(
            Row(
                node=place.node.name,
                device=place.plan.device,
                stage=stage,
                state=state,  # type: ignore[arg-type]  # of `Stage`, which knows these only
                at=at,
                trials=trials,
                received=received,
                why=why,
            )
        )

    def _new_id(self) -> str:
        while (made := new_run_id(datetime.datetime.now(datetime.UTC))) in self._ids or (
            self._results / "runs" / made
        ).exists():
            pass
        self._ids.add(made)
        return made

    def _take(self, found: Finished) -> None:
        fleet = self._fleet
        clocks = {name: tuple(read) for name, read in found.clocks.items()}
        known = {node.name for node in fleet.nodes}
        nodes = (*fleet.nodes, *(node for node in self._nodes if node.name not in known))
        self._fleet = msgspec.structs.replace(
            fleet,
            nodes=tuple(
                msgspec.structs.replace(node, clocks=node.clocks + clocks.get(node.name, ())) for node in nodes
            ),
            runs=fleet.runs + found.runs,
            lost=fleet.lost + found.lost,
            joined=fleet.joined + found.joined,
        )
        keep_fleet(self._results, self._fleet)


__all__ = ["FleetError", "Observer", "Refused", "Row", "chosen", "describe", "host_of", "run_fleet"]
