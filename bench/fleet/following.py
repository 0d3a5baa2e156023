"""One run on one node, followed from the head: progress told, files kept as each repetition ends, starts agreed."""

from __future__ import annotations

import threading
from collections.abc import Callable

import msgspec

from bench.fleet.clocks import read_clock
from bench.fleet.gates import Gates, Key
from bench.fleet.keeping import Keeper
from bench.fleet.messages import At, Ended, Files, NodeJob, decoded
from bench.fleet.seam import AgentFailed, Hand
from bench.loadgen.gate import GATE
from bench.records.fleet import Clock

# Longer where nothing is agreed upon: each answer wakes up a process on the machine that is measured.
_POLL_S, _GATED_POLL_S = 1.0, 0.25


class Follower:
    """Follows until the run has ended; `tell` is called with every change of what the node does."""

    def __init__(
        self,
        hand: Hand,
        job: NodeJob,
        keeper: Keeper,
        gates: Gates | None,
        tell: Callable[[At | None], None],
        stop: threading.Event,
    ) -> None:
        self._hand, self._job, self._gates = hand, job, gates
        self._keeper, self._tell, self._stop = keeper, tell, stop
        self._waits: At | None = None
        self._stopped = False
        self.clocks: list[Clock] = []
        self.at: At | None = None
        """What was last heard of; what is lost where nothing follows."""

    def follow(self) -> Ended:
        """Start the job and stay with it to its end. Raises NodeLost, AgentFailed, or OSError where nothing is kept."""
        self._read_clock()
        self._hand.ask("start", msgspec.json.encode(self._job))
        try:
            return self._to_the_end()
        finally:
            if self._gates is not None:
                self._gates.leave(self._job.part.share)

    def _to_the_end(self) -> Ended:
        run_id, poll_s = self._job.run_id, _POLL_S if self._gates is None else _GATED_POLL_S
        while True:
            if self._stop.is_set() and not self._stopped:
                self._hand.ask("stop", run_id)
                self._stopped = True
            for line in self._hand.ask("poll", run_id, poll_s).splitlines():
                try:
                    message = decoded(line)
                except msgspec.DecodeError as error:
                    raise AgentFailed(f"what it sent is no message: {error}") from None
                if isinstance(message, Ended):
                    return self._ended(message)
                if isinstance(message, Files):
                    self._keep(message)
                else:
                    self._take(message)
            self._open_if_due()

    def _take(self, at: At) -> None:
        self.at = at
        self._tell(at)
        if at.phase == GATE and self._gates is not None:
            self._read_clock()
            self._waits = at
            self._gates.arrive(self._job.part.share, _key(at))

    def _keep(self, message: Files) -> None:
        self._keeper.keep(self._hand, message.files)
        if self._gates is not None:
            self._read_clock()
        self._tell(self.at)
        self._hand.ask("go", self._job.run_id)

    def _open_if_due(self) -> None:
        if self._waits is None or self._gates is None:
            return
        moment_ns = self._gates.moment(_key(self._waits))
        if moment_ns is not None:
            at, self._waits = self._waits, None
            start_ns = moment_ns + self.clocks[-1].offset_ns
            self._hand.ask("open_gate", self._job.run_id, at.measurement, at.repetition, start_ns)

    def _ended(self, message: Ended) -> Ended:
        self._read_clock()
        if message.ran:
            self._keeper.end()
        self._hand.ask("forget", self._job.run_id)
        return message

    def _read_clock(self) -> None:
        self.clocks.append(read_clock(lambda: int(self._hand.ask("clock"))))


def _key(at: At) -> Key:
    return at.position, at.repetition
