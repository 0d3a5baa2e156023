"""The witness: what it sees of honest sessions is what the timeline says, and sessions that cheat are seen.

Sessions wait for a look before they go on, so that a busy machine changes nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.backends.base import Tensor
from bench.loadgen import closed, scheduled
from bench.loadgen.driver import drive
from bench.loadgen.lane import AllDue, Closed, Lane, Scheduled
from bench.loadgen.schedule import open_loop_columns
from bench.loadgen.timeline import Timeline, in_memory, used
from bench.loadgen.witness import Witness, read_looks
from bench.records.numbers import Check
from bench.scoring.busy import in_flight, in_flight_checks
from bench.scoring.columns import Columns

from ..fixtures import Answer, Arrays, ScriptedSession, fill_zeros
from .lanes import make_lane

pytestmark = pytest.mark.timeout(120)
ROWS = 40
CLASSES = Tensor(name="class", dtype="int32", shape=())


def looked(witness: Witness) -> None:
    """Return after a look that began after this call, whatever the machine is busy with."""
    seen, until = len(witness.looks), time.monotonic() + 60
    while len(witness.looks) <= seen + 1 and time.monotonic() < until:
        time.sleep(1e-4)


def slow(witness: Witness, answer: Answer = fill_zeros) -> Answer:
    def run(call: int, batch: Arrays, out: Arrays) -> None:
        looked(witness)
        answer(call, batch, out)

    return run


def columns_of(timeline: Timeline, t0_ns: int) -> Columns:
    """What the checks need of it: the rows as they are."""
    return Columns(
        scheduled_ns=timeline.started - t0_ns,
        started_ns=timeline.started - t0_ns,
        ended_ns=timeline.ended - t0_ns,
        first_query=np.arange(timeline.rows, dtype=np.int32),
        queries=np.ones(timeline.rows, np.int32),
        worker=timeline.worker,
        status=timeline.status,
    )


def judged(
    answer: Callable[[Witness], Answer],
    issue: Closed | AllDue | Scheduled | None = None,
    workers: int = 1,
    batch: int = 1,
    outputs: tuple[Tensor, ...] | None = None,
) -> tuple[dict[str, Check], NDArray[np.int64]]:
    """The checks of a run of `ROWS` rows, and the looks, which are counted from t0."""
    witness = Witness(least_s=1e-4, most_s=1e-3)
    issue = issue or Closed()
    sessions = [ScriptedSession(answer(witness)) for _ in range(workers)]
    lane = make_lane(sessions, issue, batch=batch, **({"outputs": outputs} if outputs else {}))  # type: ignore[arg-type]
    opened = isinstance(issue, Scheduled)
    timeline = in_memory(ROWS, open_loop=opened)
    driven = drive(lane, timeline, witness=witness)
    looks = witness.looks - np.array([driven.t0_ns, 0, 0])
    if isinstance(issue, Scheduled):
        columns = open_loop_columns(used(timeline), issue.times_ns, driven.t0_ns)
    else:
        columns = columns_of(timeline, driven.t0_ns)
    return {check.name: check for check in in_flight_checks(columns, in_flight(columns, looks))}, looks


def every_ms() -> Scheduled:
    return Scheduled(times_ns=np.arange(ROWS, dtype=np.int64) * 1_000_000)


@pytest.mark.parametrize("issue", [Closed(), AllDue(), every_ms()])
@pytest.mark.parametrize("workers", [1, 3])
def test_what_is_seen_of_honest_sessions_is_what_the_timeline_says(issue: Closed | AllDue, workers: int) -> None:
    checks, looks = judged(slow, issue, workers)
    assert all(check.ok for check in checks.values()), checks
    assert "in-flight" in checks
    assert looks[:, 1].max() <= workers
    assert looks[:, 1].mean() > 0.2


def test_several_workers_are_seen_at_once() -> None:
    both = threading.Barrier(2, timeout=60)

    def meet(witness: Witness) -> Answer:
        def run(call: int, batch: Arrays, out: Arrays) -> None:
            both.wait()
            looked(witness)
            both.wait()
            fill_zeros(call, batch, out)

        return run

    checks, looks = judged(meet, AllDue(), workers=2)
    assert (looks[:, 1] == 2).any()
    assert checks["in-flight"].ok


# -------------------------------------------------------------------------------------------- sessions that cheat


def one_behind(witness: Witness) -> Answer:
    """Says at once that it is done, and brings each answer during the next call: no slot is found empty at the end."""
    owed: list[Arrays] = []

    def run(call: int, batch: Arrays, out: Arrays) -> None:
        looked(witness)
        for late in owed:
            fill_zeros(call, batch, late)
        owed[:] = [out]
        if call == ROWS - 1:
            fill_zeros(call, batch, out)

    return run


def in_background(witness: Witness) -> Answer:
    """Says at once that it is done, and works in a thread of its own, which brings the answer after a look."""
    working: list[threading.Thread] = []

    def run(call: int, batch: Arrays, out: Arrays) -> None:
        def work() -> None:
            looked(witness)
            fill_zeros(call, batch, out)

        for thread in working:
            thread.join()
        working[:] = [threading.Thread(target=work)]
        working[0].start()
        if call == ROWS - 1:
            working[0].join()

    return run


@pytest.mark.parametrize("cheat", [one_behind, in_background])
@pytest.mark.parametrize("issue", [Closed(), AllDue(), every_ms()])
@pytest.mark.parametrize("outputs", [None, (CLASSES,)])
def test_answers_that_come_after_their_call_are_seen(
    cheat: Callable[[Witness], Answer], issue: Closed | AllDue | Scheduled, outputs: tuple[Tensor, ...] | None
) -> None:
    checks, _ = judged(cheat, issue, batch=1, outputs=outputs)
    assert not checks["empty-answer"].ok


def test_the_last_sample_of_a_batch_counts() -> None:
    def all_but_the_last(witness: Witness) -> Answer:
        owed: list[Arrays] = []

        def run(call: int, batch: Arrays, out: Arrays) -> None:
            looked(witness)
            for late in owed:
                fill_zeros(call, batch, late)
            fill_zeros(call, batch, {name: array[:-1] for name, array in out.items()})
            owed[:] = [out]

        return run

    checks, _ = judged(all_but_the_last, AllDue(), batch=3)
    assert not checks["empty-answer"].ok


class Tampered:
    """A clock that a session put in the place of the workers' own: it hides nine tenths of every call.

    `lasting`: what is hidden stays hidden, so that the whole run looks shorter; else only the end of the call is.
    """

    def __init__(self, lasting: bool) -> None:
        self._real, self._lasting, self._hidden_ns, self._once_ns = time.perf_counter_ns, lasting, 0, 0

    def __call__(self) -> int:
        once_ns, self._once_ns = self._once_ns, 0
        return self._real() - self._hidden_ns - once_ns

    def hide(self, begun_ns: int) -> None:
        taken_ns = (self._real() - begun_ns) * 9 // 10
        if self._lasting:
            self._hidden_ns += taken_ns
        else:
            self._once_ns = taken_ns


@pytest.mark.parametrize("lasting", [False, True])
def test_a_clock_that_shortens_calls_is_seen(monkeypatch: pytest.MonkeyPatch, lasting: bool) -> None:
    clock = Tampered(lasting)

    def tampering(witness: Witness) -> Answer:
        def run(call: int, batch: Arrays, out: Arrays) -> None:
            begun_ns = time.perf_counter_ns()
            looked(witness)
            fill_zeros(call, batch, out)
            clock.hide(begun_ns)

        return run

    monkeypatch.setattr(closed, "perf_counter_ns", clock)
    checks, _ = judged(tampering)
    assert not checks["in-flight"].ok
    assert checks["empty-answer"].ok


def test_times_written_over_afterwards_are_seen() -> None:
    witness = Witness(least_s=1e-4, most_s=1e-3)
    timeline = in_memory(ROWS)
    driven = drive(make_lane([ScriptedSession(slow(witness))], Closed(), batch=1), timeline, witness=witness)
    timeline.started[:] = timeline.ended - (timeline.ended - timeline.started) // 4
    columns = columns_of(timeline, driven.t0_ns)
    (check, _) = in_flight_checks(columns, in_flight(columns, witness.looks - np.array([driven.t0_ns, 0, 0])))
    assert (check.name, check.ok) == ("in-flight", False)


# ------------------------------------------------------------------------------------------ nobody is accused wrongly


@pytest.mark.parametrize("issue", [Closed(), every_ms()])
def test_a_failed_row_has_no_answer_to_look_for(issue: Closed | Scheduled) -> None:
    def fails(witness: Witness) -> Answer:
        def run(call: int, batch: Arrays, out: Arrays) -> None:
            looked(witness)
            if call % 2:
                raise RuntimeError("no")
            fill_zeros(call, batch, out)

        return run

    checks, _ = judged(fails, issue)
    assert checks["empty-answer"].ok


def test_a_ring_that_is_being_poisoned_is_not_looked_at() -> None:
    """Looks in the middle of every poisoning: the ring is empty then, and nobody's fault."""
    hands: list[closed.ClosedWorker | scheduled.ScheduledWorker] = []

    class Recording(Witness):
        def watching(self, workers):  # type: ignore[no-untyped-def]
            hands.extend(workers)
            return super().watching(workers)

    for issue in (Closed(), every_ms()):
        hands.clear()
        lane: Lane = make_lane([ScriptedSession()], issue, batch=1)  # type: ignore[arg-type]
        found: list[bool] = []
        ring = lane.rings[0]
        plain = ring.poison

        def poison(plain: Callable[[], None] = plain, found: list[bool] = found) -> None:
            plain()
            found.extend(hand.empty() for hand in hands)

        ring.poison = poison  # type: ignore[method-assign]
        del ring.slots[4:]
        drive(lane, in_memory(ROWS, open_loop=isinstance(issue, Scheduled)), witness=Recording())
        assert len(found) > 5
        assert not any(found)


def test_looks_are_kept_and_read_back(tmp_path: Path) -> None:
    witness = Witness()
    witness.keep(tmp_path)
    assert read_looks(tmp_path).shape == (0, 3)
    witness._looks += [(5, 1, 0), (9, 0, 1)]
    witness.keep(tmp_path)
    assert read_looks(tmp_path).tolist() == [[5, 1, 0], [9, 0, 1]]
    np.save(tmp_path / "looks.npy", np.zeros((2, 2)))
    with pytest.raises(ValueError, match="expected int64"):
        read_looks(tmp_path)
