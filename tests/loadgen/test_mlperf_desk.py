"""`bench.loadgen.mlperf.desk`: a worker under LoadGen raises nothing, and every row it was given is written."""

from __future__ import annotations

import numpy as np
import pytest

from bench.loadgen.lane import MOST_FAILURES, AllDue, Shift
from bench.loadgen.mlperf.desk import Desk
from bench.loadgen.mlperf.intake import Taken
from bench.loadgen.outputs import SecretSample
from bench.loadgen.timeline import in_memory

from ..fixtures import Answer, Arrays, ScriptedSession, fill_zeros
from .lanes import make_lane

COUNT, BATCH = 7, 2


def run(rows: list[list[int]], answer: Answer | None = None) -> tuple[Shift, ScriptedSession]:
    """All rows by their samples' places, with every output kept."""
    session = ScriptedSession(answer)
    lane = make_lane([session], AllDue(), count=COUNT, batch=BATCH)
    secret = SecretSample(len(rows), BATCH, seed=3, share=1.0)
    shift = Shift(lane=lane, timeline=in_memory(len(rows), open_loop=True), secret=secret)
    desk, first = Desk(shift, 0), 0
    for row, places in enumerate(rows):
        desk.run(Taken(row=row, first=first, ids=list(range(first, first + len(places))), places=places))
        first += len(places)
        if desk.full:
            desk.settle()
    desk.settle()
    return shift, session


@pytest.mark.parametrize("places", [[0, 1], [5, 6], [6, 0], [3], [4, 2], [1, 1], [0, 6]])
def test_each_place_is_fed_its_own_sample(places: list[int]) -> None:
    """Views where they lie in order, around the end, too; copies elsewhere."""
    shift, session = run([places])
    order = shift.lane.samples.order
    assert [fed["x"].tolist() for fed in session.seen] == [[int(order[place]) for place in places]]


def wrong_shape(call: int, batch: Arrays, out: Arrays) -> None:
    out["y"][...] = np.zeros((3, 5), np.float32)


def raises(call: int, batch: Arrays, out: Arrays) -> None:
    raise KeyboardInterrupt("a vendor's own idea")


def leaves_out(call: int, batch: Arrays, out: Arrays) -> None:
    return


@pytest.mark.parametrize("bad", [wrong_shape, raises])
def test_a_failing_row_has_times_a_status_and_no_kept_output(bad: Answer) -> None:
    def answer(call: int, batch: Arrays, out: Arrays) -> None:
        (bad if call == 1 else fill_zeros)(call, batch, out)

    shift, _ = run([[0, 1], [2, 3], [4]], answer)
    timeline = shift.timeline
    assert timeline.status.tolist() == [0, 1, 0]
    assert timeline.queries is not None
    assert timeline.queries.tolist() == [2, 2, 1]
    assert (timeline.ended >= timeline.started).all()
    assert (timeline.started > 0).all()
    assert len(shift.failures) == 1
    assert shift.secret is not None
    assert sorted(shift.secret.kept) == [0, 4]
    assert shift.lane.rings[0].bad_samples == 0  # it failed, and is not judged as well


def test_a_sample_that_is_left_out_is_counted() -> None:
    shift, _ = run([[0, 1], [2]], leaves_out)
    assert shift.lane.rings[0].bad_samples == 3


def test_an_engine_that_fails_too_often_is_not_asked_again() -> None:
    rows = [[0, 1]] * (MOST_FAILURES + 20)
    shift, session = run(rows, raises)
    assert len(session.seen) == MOST_FAILURES
    assert shift.timeline.status.tolist() == [1] * len(rows)
