"""Nodes of a Ray cluster: one that is there, or an embedded one on this machine that ends with the process.

Ray carries questions and answers only. It is imported here alone, and only when a cluster is asked for.
"""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any  # Ray's actors and references have no types of their own here

from bench.fleet.agent import MEASURING, Agent
from bench.fleet.seam import AgentFailed, Busy, Cluster, FleetError, Hand, Member, NodeLost
from bench.fleet.verifying import TaskLost
from bench.hardware.container import usable_cores

HOST = "bench_host"
"""A custom resource, 1 a node: who holds it has the host. A node without it is held by its own `node:ADDRESS`."""
_LOCAL_STORE_BYTES = 256 << 20
_CONNECT_S = 5.0
_GLANCE_S = 0.5
_OUTER = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"


@contextlib.contextmanager
def connected(address: str | None, patience_s: float, measuring: Sequence[str] = MEASURING) -> Iterator[RayCluster]:
    """The cluster at `address` (HOST:PORT, or `auto`), or an embedded one of this machine. Raises FleetError."""
    _check_there(address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address is None or address.startswith(("127.0.0.1:", "localhost:")):
        # Ray would start, and look for, a cluster of the loopback under this host's outer address.
        os.environ[_OUTER] = "0"
    import ray

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        try:
            if address is None:
                _start_embedded(ray)
            else:
                ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise FleetError(f"Ray: {_line(error)}") from None
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)  # Ray takes SIGTERM for itself
        yield RayCluster(ray, patience_s, measuring)
    finally:
        ray.shutdown()


def _check_there(address: str | None) -> None:
    """Whether there is Ray, and somebody who listens: Ray itself would try for minutes."""
    if importlib.util.find_spec("ray") is None:
        raise FleetError("Ray is not installed: `pip install 'inference-bench[fleet]'`.")
    if address is None or address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536 or "/" in address:
        raise FleetError(f"{address!r} is no address of a cluster; it is HOST:PORT, as `ray start --head` prints it.")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _CONNECT_S).close()
    except OSError as error:
        raise FleetError(
            f"{address}: nobody answers there: {error.strerror or error}. `ray status` on the cluster's head says "
            "whether it is up; without `--address` a cluster of this machine alone is started."
        ) from None


def _start_embedded(ray: Any) -> None:
    ray.init(
        address="local",
        num_cpus=usable_cores(),
        resources={HOST: 1},
        object_store_memory=_LOCAL_STORE_BYTES,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )


class RayCluster(Cluster):
    """The nodes of the cluster that this process is connected to."""

    def __init__(self, ray: Any, patience_s: float, measuring: Sequence[str] = MEASURING) -> None:
        self._ray, self._patience_s, self._measuring = ray, patience_s, tuple(measuring)

    def members(self) -> list[Member]:
        # A node that offers no CPU, as heads of larger clusters do, is none to measure on.
        nodes = [node for node in self._ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) > 0]
        names = Counter(_name(node) for node in nodes)
        found = [
            Member(
                name=_name(node) if names[_name(node)] == 1 else f"{_name(node)}-{node['NodeID'][:6]}",
                node_id=node["NodeID"],
                address=node["NodeManagerAddress"],
            )
            for node in nodes
        ]
        return sorted(found, key=lambda member: member.name)

    def look(self, member: Member) -> RayHand:
        return self._hand(member, {"num_cpus": 0})

    def hire(self, member: Member, going: Callable[[], bool]) -> RayHand:
        """All CPUs, cards and the host of a node: neither another fleet nor other work of the cluster runs beside."""
        hand = self._hand(member, self._whole(member))
        asked = hand.actor.clock.remote()
        while not self._ray.wait([asked], timeout=_GLANCE_S)[0]:
            if not going():
                self._ray.kill(hand.actor, no_restart=True)
                raise Busy(f"node {member.name} is held by other work of the cluster")
        hand.take(asked)
        return hand

    def _whole(self, member: Member) -> dict[str, Any]:
        resources = self._resources(member)
        named = HOST if resources.get(HOST, 0) >= 1 else f"node:{member.address}"
        return {
            "num_cpus": resources.get("CPU", 0),
            "num_gpus": resources.get("GPU", 0),
            "resources": {named: 1},
        }

    def _resources(self, member: Member) -> Mapping[str, float]:
        for node in self._ray.nodes():
            if node["NodeID"] == member.node_id and node["Alive"]:
                found: Mapping[str, float] = node["Resources"]
                return found
        raise NodeLost(f"node {member.name} left the cluster")

    def busy(self) -> dict[str, bool]:
        """By node id, whether somebody holds the host now; empty where this Ray does not tell."""
        try:
            available = self._ray._private.state.available_resources_per_node()
        except AttributeError:  # no part of what Ray promises
            return {}
        found = {}
        for node in self._ray.nodes():
            whole, free = node["Resources"], available.get(node["NodeID"], {})
            named = HOST if HOST in whole else f"node:{node['NodeManagerAddress']}"
            found[node["NodeID"]] = free.get(named, 0) < whole.get(named, 0)
        return found

    def tasks(self) -> RayTasks:
        """Where tasks run that measure nothing."""
        return RayTasks(self._ray)

    def _hand(self, member: Member, options: dict[str, Any]) -> RayHand:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        where = NodeAffinitySchedulingStrategy(member.node_id, soft=False)
        kind = self._ray.remote(Agent).options(scheduling_strategy=where, max_restarts=0, **options)
        return RayHand(self._ray, kind.remote(self._measuring), member, self._patience_s)


class RayHand(Hand):
    """Asks an actor."""

    def __init__(self, ray: Any, actor: Any, member: Member, patience_s: float) -> None:
        self._ray, self.actor, self._member, self._patience_s = ray, actor, member, patience_s

    def ask(self, method: str, *arguments: object) -> Any:
        return self.take(getattr(self.actor, method).remote(*arguments))

    def take(self, reference: Any) -> Any:
        """The answer to what was asked. Raises NodeLost or AgentFailed."""
        from ray import exceptions

        try:
            return self._ray.get(reference, timeout=self._patience_s)
        except exceptions.GetTimeoutError:
            raise NodeLost(f"node {self._member.name} said nothing for {self._patience_s:g} s") from None
        except exceptions.RayTaskError as error:
            raise AgentFailed(f"node {self._member.name}: {_line(error.cause or error)}") from None
        except exceptions.RayError as error:
            raise NodeLost(f"node {self._member.name} is lost: {_line(error)}") from None

    def release(self) -> None:
        """Let the agent clean up, for a moment, and end it: what it started ends with it."""
        with contextlib.suppress(Exception):  # it may be gone with its node
            self._ray.get(self.actor.close.remote(), timeout=min(self._patience_s, 30.0))
        with contextlib.suppress(Exception):
            self._ray.kill(self.actor, no_restart=True)
            time.sleep(0.05)


def _name(node: Mapping[str, Any]) -> str:
    """The name that a node was started with, else its host's: Ray's own default is its address."""
    name = str(node.get("NodeName") or "")
    return name if name and name != node["NodeManagerAddress"] else str(node["NodeManagerHostname"])


def _line(error: BaseException) -> str:
    """The first line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return (lines[0] if lines else type(error).__name__)[:300]


class RayTasks:
    """Tasks of one CPU each, anywhere in the cluster (see `bench.fleet.verifying`)."""

    def __init__(self, ray: Any) -> None:
        self._ray = ray

    @property
    def most(self) -> int:
        return max(1, int(self._ray.cluster_resources().get("CPU", 1)))

    def put(self, piece: bytes) -> Any:
        return self._ray.put(piece)

    def start(self, task: Callable[..., bytes], *arguments: Any) -> Any:
        return self._ray.remote(_fetching).options(num_cpus=1).remote(task, arguments)

    def answer(self, started: Any) -> bytes:
        from ray import exceptions

        try:
            found: bytes = self._ray.get(started)
        except exceptions.RayTaskError as error:
            if isinstance(error.cause, FleetError):
                raise FleetError(str(error.cause)) from None
            raise TaskLost(_line(error)) from None
        except exceptions.RayError as error:
            raise TaskLost(_line(error)) from None
        return found


def _fetching(task: Callable[..., bytes], arguments: Sequence[Any]) -> bytes:
    import ray

    return task(ray.get, *arguments)
