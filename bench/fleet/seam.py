"""How the head reaches nodes, whatever carries the messages: a cluster has members, and a hand asks one's agent.

`bench.fleet.by_ray` is one such cluster; tests have another, whose agents live in the process.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol  # Any: what a method of the agent returns

import msgspec


class FleetError(ValueError):
    """A fleet that cannot be reached or cannot do what is asked; one line with what to do."""


class NodeLost(Exception):
    """A node does not answer any more; why, in one line."""


class AgentFailed(Exception):
    """A node answered with an error; one line."""


class Busy(Exception):
    """A host was not free within the time that was waited for it."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the cluster by name, and as the cluster knows it."""

    name: str
    node_id: str
    address: str


class Hand(Protocol):
    """Asks the agent of one node; several threads may do so at once."""

    def ask(self, method: str, *arguments: object) -> Any:
        """What `bench.fleet.agent.Agent.method` returns. Raises NodeLost or AgentFailed."""
        ...

    def release(self) -> None:
        """End the agent and all that it started; never raises."""
        ...


class Cluster(Protocol):
    """The nodes there are."""

    def members(self) -> list[Member]:
        """All nodes that are alive, in order of name."""
        ...

    def look(self, member: Member) -> Hand:
        """A hand that takes nothing of the node's, for questions only."""
        ...

    def hire(self, member: Member, going: Callable[[], bool]) -> Hand:
        """A hand that holds the whole node, once it is free. Raises Busy when `going` says no first, or NodeLost."""
        ...
