"""One worker under LoadGen: runs rows on its session into the harness's arrays, and keeps when each began and ended."""

from __future__ import annotations

from time import perf_counter_ns

from bench.loadgen.lane import Shift, fault_of
from bench.loadgen.mlperf.intake import Taken
from bench.loadgen.samples import Named


class Desk:
    """The rows of one worker. A session that fails, or has failed too often to be asked again, gives failed rows."""

    def __init__(self, shift: Shift, number: int) -> None:
        lane = shift.lane
        self._shift, self._number = shift, number
        self._session, self._ring, self._samples = lane.sessions[number], lane.rings[number], lane.samples
        self._batch, self._slots = lane.samples.batch, len(lane.rings[number].slots)
        self._rows: list[Taken] = []
        self._times: list[tuple[int, int, int]] = []
        self._busy = False
        self.begun_ns = self.returned_ns = 0
        self._ring.poison()

    def run(self, taken: Taken) -> None:
        """Answer one row; raises nothing that a session raises."""
        slot, status, count = len(self._rows), 0, len(taken.places)
        batch, out = self.inputs(taken.places), self._ring.part(slot, count)
        started_ns = perf_counter_ns()
        self._busy = True
        try:
            if self._shift.stopped():
                status = 1
            else:
                self._session.run(batch, out)
            ended_ns = perf_counter_ns()
        except BaseException as error:  # noqa: BLE001 - LoadGen dies of anything raised through its callback
            ended_ns, status = perf_counter_ns(), 1
            self._shift.failures.append(fault_of(error))
        self._busy = False
        if status:
            self._ring.blank(slot)
        self.begun_ns, self.returned_ns = self.begun_ns or started_ns, ended_ns
        self._rows.append(taken)
        self._times.append((started_ns, ended_ns, status))

    def busy(self) -> bool:
        """Whether the session has a row right now; what a witness sees."""
        return self._busy

    def empty(self) -> bool:
        """Whether the row that came back last brought nothing, though its session had said that it was done."""
        taken, times = self._rows, self._times
        slot = len(times) - 1
        if slot < 0:
            return False
        return self._ring.is_untouched(slot, len(taken[slot].ids) - 1) and self._times is times

    def inputs(self, places: list[int]) -> Named:
        """The samples at `places`: a view where they lie in order; copies where LoadGen drew them at random."""
        if len(places) == 1 and self._batch == 1:
            return self._samples.batches[places[0]]
        first, total = places[0], self._samples.count
        if all(place == (first + offset) % total for offset, place in enumerate(places)):
            return self._samples.span(first, len(places))
        return self._samples.gathered(places)

    @property
    def full(self) -> bool:
        """Whether the ring has no slot left: settle before the next row."""
        return len(self._rows) == self._slots

    def settle(self) -> None:
        """Write the rows since the last time, check their outputs, draw among them, and poison the ring anew."""
        if not self._rows:
            return
        timeline, secret = self._shift.timeline, self._shift.secret
        rows, times = self._rows, self._times
        numbers = [taken.row for taken in rows]
        timeline.started[numbers], timeline.ended[numbers], timeline.status[numbers] = zip(*times, strict=True)
        timeline.worker[numbers] = self._number
        if timeline.queries is not None:
            timeline.queries[numbers] = [len(taken.ids) for taken in rows]
        self._ring.settle(len(rows))
        if secret is not None:
            # How many rows `server` will have is not known beforehand: something must be kept by half of them.
            late_enough = numbers[-1] >= timeline.rows // 2
            secret.draw(
                len(rows),
                lambda slot: None if times[slot][2] else (rows[slot].first, len(rows[slot].ids)),
                self._ring,
                last=late_enough,
            )
        self._rows, self._times = [], []
        self._ring.poison()
