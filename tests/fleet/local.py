"""A cluster whose agents live in this process: real measuring processes, no Ray; nodes die or differ as told."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.fleet.agent import Agent
from bench.fleet.seam import AgentFailed, Busy, Member, NodeLost
from bench.records.fleet import NodeFacts

HURRIED = (sys.executable, str(Path(__file__).with_name("hurried_measuring.py")))


class LocalCluster:
    """Nodes of these names. `changes` has what differs in a node's facts; `dies` says at which question one is lost.

    Each node is a host of its own unless `one_host`.
    """

    def __init__(self, *names: str, one_host: bool = False) -> None:
        self.names, self.one_host = names, one_host
        self.changes: dict[str, Callable[[NodeFacts], NodeFacts]] = {}
        self.dies: dict[str, tuple[str, int]] = {}
        self.asked: list[tuple[str, str]] = []
        self.dead: set[str] = set()
        self.held: set[str] = set()
        self.most_held = 0
        self.guard = threading.Lock()

    def members(self) -> list[Member]:
        alive = [name for name in self.names if name not in self.dead]
        return [Member(name=name, node_id=f"id-{name}", address="127.0.0.1") for name in alive]

    def look(self, member: Member) -> LocalHand:
        return LocalHand(self, member.name, lease=False)

    def hire(self, member: Member, going: Callable[[], bool]) -> LocalHand:
        with self.guard:
            if member.name in self.held:
                raise Busy(f"node {member.name} is held by other work of the cluster")
            self.held.add(member.name)
            self.most_held = max(self.most_held, len(self.held))
        return LocalHand(self, member.name, lease=True)


class LocalHand:
    def __init__(self, cluster: LocalCluster, name: str, lease: bool) -> None:
        self._cluster, self._name, self._lease = cluster, name, lease
        self._agent, self._lock = Agent(HURRIED), threading.Lock()

    def ask(self, method: str, *arguments: object) -> Any:
        if self._lease:
            self._die_if_due(method)
        self._cluster.asked.append((self._name, method))
        if method == "claim":
            return True  # the lock of this one host would have all nodes wait for each other
        try:
            with self._lock:
                found = getattr(self._agent, method)(*arguments)
        except (ValueError, OSError, LookupError) as error:
            raise AgentFailed(f"node {self._name}: {error}") from None
        return self._told(found) if method == "describe" else found

    def release(self) -> None:
        self._agent.close()
        if self._lease:
            with self._cluster.guard:
                self._cluster.held.discard(self._name)

    def _told(self, found: bytes) -> bytes:
        facts = msgspec.json.decode(found, type=NodeFacts)
        boot = "one" if self._cluster.one_host else self._name
        change = self._cluster.changes.get(self._name, lambda facts: facts)
        return msgspec.json.encode(change(msgspec.structs.replace(facts, boot_id=boot)))

    def _die_if_due(self, method: str) -> None:
        due, count = self._cluster.dies.get(self._name, ("", 0))
        before = self._cluster.asked.count((self._name, method))
        if self._name in self._cluster.dead or (method == due and before >= count):
            if self._name not in self._cluster.dead:
                self._cluster.dead.add(self._name)
                self._agent.close()
            raise NodeLost(f"node {self._name} is lost: as scripted")
