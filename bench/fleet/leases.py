"""Whose turn it is on a host: measurements never share one unless the plan says so."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

from bench.fleet.seam import Busy, Cluster, Hand, Member

_GLANCE_S = 0.5


class Leases:
    """Hosts that this fleet holds; the cluster and a lock on each host keep others off, this class our own runs."""

    def __init__(self, cluster: Cluster, share_host: bool, wait_s: float, stop: threading.Event) -> None:
        self._cluster, self._share_host, self._wait_s, self._stop = cluster, share_host, wait_s, stop
        self._guard = threading.Lock()
        self._hosts: dict[str, threading.Lock] = defaultdict(threading.Lock)
        self._members: dict[str, _Held] = defaultdict(_Held)

    @contextlib.contextmanager
    def taken(self, member: Member, host: str) -> Iterator[Hand]:
        """A hand on a node whose host is `host`; alone on it, unless hosts are shared.

        Runs that share a node share its hand, which ends with the last of them. Raises Busy, NodeLost or AgentFailed.
        """
        ends = time.monotonic() + self._wait_s

        def going() -> bool:
            return not self._stop.is_set() and time.monotonic() < ends

        if self._share_host:
            with self._shared(member, going) as hand:
                yield hand
            return
        turn = self._turn(host)
        while not turn.acquire(timeout=_GLANCE_S):
            if self._stop.is_set():  # our own runs are waited for however long they take
                raise Busy("stopped while another run of this fleet was on its host")
        try:
            ends = time.monotonic() + self._wait_s
            hand = self._cluster.hire(member, going)
            try:
                self._claim(hand, going)
                yield hand
            finally:
                hand.release()
        finally:
            turn.release()

    def _turn(self, host: str) -> threading.Lock:
        with self._guard:
            return self._hosts[host]

    def _claim(self, hand: Hand, going: Callable[[], bool]) -> None:
        while not hand.ask("claim"):
            if not going():
                raise Busy("another fleet measures on its host")
            time.sleep(_GLANCE_S)

    @contextlib.contextmanager
    def _shared(self, member: Member, going: Callable[[], bool]) -> Iterator[Hand]:
        with self._guard:
            held = self._members[member.node_id]
        with held.guard:
            if held.hand is None:
                held.hand = self._cluster.hire(member, going)
            held.users += 1
            hand = held.hand
        try:
            yield hand
        finally:
            with held.guard:
                held.users -= 1
                if not held.users:
                    hand.release()
                    held.hand = None


class _Held:
    def __init__(self) -> None:
        self.guard, self.users = threading.Lock(), 0
        self.hand: Hand | None = None
