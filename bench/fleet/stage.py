"""Runs that are under way at once: a thread follows each, and what they did together is joined when all have ended."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

import msgspec

from bench.fleet.checking import host_of
from bench.fleet.following import Follower
from bench.fleet.gates import Gates
from bench.fleet.joining import Part, join
from bench.fleet.keeping import Keeper
from bench.fleet.leases import Leases
from bench.fleet.messages import At, Ended, NodeJob
from bench.fleet.seam import AgentFailed, Busy, Hand, Member, NodeLost
from bench.records.fleet import Clock, Fleet, FleetNode, FleetRun, Joined, LostTrial, Outcome
from bench.records.plan import RunPlan
from bench.records.record import FleetPart
from bench.store.runs import RunFolder


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A run to be made: what, and on which node; `repeats` names a lost one that it is made in place of."""

    node: FleetNode
    plan: RunPlan
    share: int = 0
    shares: int = 1
    repeats: str | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a stage; `clocks` are the readings of each node's."""

    runs: tuple[FleetRun, ...]
    lost: tuple[LostTrial, ...]
    joined: tuple[Joined, ...]
    clocks: dict[str, list[Clock]]


class Telling(Protocol):
    """Told of every change: place, stage, state, what is done there, repetitions and bytes received, why."""

    def __call__(
        self, place: Place, stage: int, state: str, at: At | None, trials: int, received: int, why: str, /
    ) -> None: ...


class Stage:
    """Number `number` of a fleet's stages."""

    def __init__(
        self,
        number: int,
        fleet: Fleet,
        results: Path,
        leases: Leases,
        new_id: Callable[[], str],
        tell: Telling,
        stop: threading.Event,
    ) -> None:
        self._number, self._fleet, self._results, self._leases = number, fleet, results, leases
        self._new_id, self._tell, self._stop = new_id, tell, stop
        self._lost: list[LostTrial] = []
        self._clocks: dict[str, list[Clock]] = {}
        self._guard = threading.Lock()

    def carry_out(self, places: Sequence[Place]) -> Finished:
        """Make every run; a stop, or a loss among those that measure together, ends all. Never raises for a node."""
        together = self._fleet.asked.together
        gates = Gates(range(len(places))) if together else None
        halt = _Halt(self._stop)
        jobs = [self._job(place, gates is not None) for place in places]
        for place in places:
            self._tell(place, self._number, "waiting", None, 0, 0, "")
        with ThreadPoolExecutor(max(1, len(places)), "fleet") as pool:
            runs = tuple(
                pool.map(lambda pair: self._run(pair[0], pair[1], gates, halt), zip(places, jobs, strict=True))
            )
        joined = self._joined(runs, gates) if gates is not None else ()
        return Finished(runs=runs, lost=tuple(self._lost), joined=joined, clocks=self._clocks)

    def _job(self, place: Place, gated: bool) -> NodeJob:
        part = FleetPart(fleet_id=self._fleet.fleet_id, share=place.share, shares=place.shares)
        return NodeJob(plan=place.plan, run_id=self._new_id(), part=part, gated=gated)

    def _run(self, place: Place, job: NodeJob, gates: Gates | None, halt: _Halt) -> FleetRun:
        keeper = Keeper(self._results, job.run_id)
        outcome, why = self._followed(place, job, keeper, gates, halt)
        if gates is not None:
            gates.leave(place.share)
            if outcome != "complete":
                halt.set()  # what was to be measured together is no more, and others would wait for it
        self._tell(place, self._number, outcome, None, keeper.trials, keeper.received, why)
        return FleetRun(
            run_id=job.run_id,
            node=place.node.name,
            device=place.plan.device,
            outcome=outcome,
            trials=keeper.trials,
            stage=self._number,
            share=place.share,
            why=why or None,
            repeats=place.repeats,
        )

    def _followed(
        self, place: Place, job: NodeJob, keeper: Keeper, gates: Gates | None, halt: _Halt
    ) -> tuple[Outcome, str]:
        """How a run ended, and why."""
        node = place.node
        member = Member(name=node.name, node_id=node.node_id, address=node.address)
        followers: list[Follower] = []
        try:
            with self._leases.taken(member, host_of(node)) as hand:
                followers.append(self._follower(place, job, keeper, gates, halt, hand))
                ended = followers[0].follow()
        except NodeLost as error:
            self._note_loss(place, job, followers, str(error))
            return "lost", str(error)
        except Busy as error:
            return ("stopped" if self._stop.is_set() else "failed"), str(error)
        except AgentFailed as error:
            return "failed", str(error)
        except OSError as error:
            return "failed", f"{error.filename or keeper.folder.path}: {error.strerror or error}"
        finally:
            with self._guard:
                for follower in followers:
                    self._clocks.setdefault(node.name, []).extend(follower.clocks)
        return self._outcome(ended, keeper, halt), ended.why

    def _follower(
        self, place: Place, job: NodeJob, keeper: Keeper, gates: Gates | None, halt: _Halt, hand: Hand
    ) -> Follower:
        def tell(at: At | None) -> None:
            self._tell(place, self._number, "measuring", at, keeper.trials, keeper.received, "")

        return Follower(hand, job, keeper, gates, tell, halt)

    def _outcome(self, ended: Ended, keeper: Keeper, halt: _Halt) -> Outcome:
        if ended.complete:
            return "complete"
        if halt.is_set():
            return "stopped"
        return "partial" if keeper.begun else "failed"

    def _note_loss(self, place: Place, job: NodeJob, followers: Sequence[Follower], why: str) -> None:
        at = followers[0].at if followers else None
        with self._guard:
            self._lost.append(
                LostTrial(
                    run_id=job.run_id,
                    node=place.node.name,
                    measurement=at.measurement if at is not None else None,
                    repetition=at.repetition if at is not None else None,
                    why=why,
                )
            )

    def _joined(self, runs: Sequence[FleetRun], gates: Gates) -> tuple[Joined, ...]:
        """Every repetition that all nodes took part in."""
        if any(run.outcome in ("failed", "lost") for run in runs):
            return ()
        folders = [RunFolder.of(self._results, run.run_id) for run in runs]
        if not all((folder.path / "run.json").exists() for folder in folders):
            return ()
        measurements = folders[0].load_run().measurements
        found = []
        for position, repetition in sorted(gates.opened):
            measurement = measurements[position]
            parts = [
                Part(
                    node=run.node,
                    run_id=run.run_id,
                    trial=folder.trial(measurement.name, repetition),
                    clocks=tuple(self._clocks.get(run.node, ())),
                )
                for run, folder in zip(runs, folders, strict=True)
            ]
            if gates.by_all((position, repetition)):
                found.append(join(self._number, measurement, repetition, parts))
        return tuple(one for one in found if one is not None)


class _Halt(threading.Event):
    """Set by itself, or with the event that stops everything."""

    def __init__(self, above: threading.Event) -> None:
        super().__init__()
        self._above = above

    def is_set(self) -> bool:
        return super().is_set() or self._above.is_set()
