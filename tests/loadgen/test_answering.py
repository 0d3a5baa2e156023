"""`bench.loadgen.answering`: each sample gets its own answer, and timed answers are held against a second run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bench.backends.base import Model, Tensor
from bench.loadgen.answering import answer_all, answer_condensed, answer_loaded, chosen_indices, verify
from bench.loadgen.samples import LoadedSet, Named

from ..condensing import ANSWERS, condense
from ..fixtures import OUTPUT, Arrays, ScriptedSession, fill_zeros

INPUT = Tensor(name="x", dtype="int64", shape=())


def model(fixed_batch: int | None = None) -> Model:
    return Model(path=Path("none.onnx"), inputs=(INPUT,), outputs=(OUTPUT,), fixed_batch=fixed_batch)


def square(call: int, batch: Arrays, out: Arrays) -> None:
    out["y"][:, 0] = batch["x"]
    out["y"][:, 1] = batch["x"] ** 2


def inputs(indices: NDArray[np.int64]) -> Named:
    return {"x": indices * 10}


@given(st.integers(0, 500), st.integers(0, 500), st.integers(0, 2**63 - 1))
def test_chosen_indices_are_distinct_sorted_and_within(total: int, count: int, seed: int) -> None:
    chosen = chosen_indices(total, count, seed)
    assert len(chosen) == min(total, count)
    assert chosen.tolist() == sorted(set(chosen.tolist()))
    assert ((chosen >= 0) & (chosen < total)).all()
    assert (chosen == chosen_indices(total, count, seed)).all()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=200), st.integers(1, 100), st.booleans())
def test_each_sample_gets_its_own_answer_in_any_batch_size(asked: list[int], batch: int, fixed: bool) -> None:
    session = ScriptedSession(square)
    indices = np.array(asked, np.int64)
    answers = answer_all(session, model(batch if fixed else None), indices, inputs, batch)
    assert answers["y"].tolist() == [[index * 10, (index * 10) ** 2] for index in asked]
    sizes = {len(fed["x"]) for fed in session.seen}
    assert sizes == {batch} if fixed else max(sizes) <= batch


@settings(max_examples=10, deadline=None)
@given(st.lists(st.integers(-400, 400), min_size=1, max_size=200), st.integers(1, 100))
def test_condensed_answers_are_those_of_all_raw_outputs(asked: list[int], batch: int) -> None:
    indices = np.array(asked, np.int64)
    found, bad = answer_condensed(ScriptedSession(square), model(), indices, inputs, batch, condense)
    raw = answer_all(ScriptedSession(square), model(), indices, inputs, batch)
    np.testing.assert_array_equal(found[ANSWERS], condense(raw)[ANSWERS])
    assert bad == 0


def test_samples_that_are_not_finite_are_counted_before_they_are_condensed() -> None:
    def sometimes(call: int, batch: Arrays, out: Arrays) -> None:
        square(call, batch, out)
        out["y"][batch["x"] % 30 == 0, 1] = np.inf

    _, bad = answer_condensed(ScriptedSession(sometimes), model(), np.arange(100), inputs, 7, condense)
    assert bad == 34


def kept_rows(samples: LoadedSet, rows: list[int]) -> dict[int, Named]:
    kept = {}
    for row in rows:
        out = {"y": np.empty((samples.batch, 2), np.float32)}
        square(0, samples.row(row), out)
        kept[row * samples.batch] = out
    return kept


def loaded() -> LoadedSet:
    return LoadedSet({"x": np.arange(1, 12)}, 3, seed=0)


FIRST = answer_loaded(ScriptedSession(square), model(), loaded(), lambda: None)


@given(st.integers(1, 30), st.integers(1, 12))
def test_every_sample_of_the_loaded_set_is_answered_in_issue_order(count: int, batch: int) -> None:
    samples = LoadedSet({"x": np.arange(count)}, batch, seed=count)
    beats: list[int] = []
    answers = answer_loaded(ScriptedSession(square), model(), samples, lambda: beats.append(1))
    assert answers["y"][:, 0].tolist() == samples.order.tolist()
    assert len(beats) == -(-count // batch)


def test_answers_that_changed_for_good_before_the_clock_started_are_mismatches() -> None:
    def changed(call: int, batch: Arrays, out: Arrays) -> None:
        square(call, batch, out)
        out["y"] += 1

    session = ScriptedSession(changed)
    kept = {9: answer_all(session, model(), loaded().positions(9, 3), lambda p: {"x": loaded().order[p] + 1}, 3)}
    late = answer_loaded(session, model(), loaded(), lambda: None)
    assert verify(session, model(), loaded(), kept, late, 1e-4).mismatched == 0
    assert verify(session, model(), loaded(), kept, FIRST, 1e-4).mismatched == 3


def test_the_same_answers_again_are_verified() -> None:
    found = verify(ScriptedSession(square), model(), loaded(), kept_rows(loaded(), [0, 5, 20]), FIRST, 1e-4)
    assert (found.samples, found.mismatched, found.largest_error) == (9, 0, 0.0)


def test_other_answers_are_counted_sample_by_sample() -> None:
    kept = kept_rows(loaded(), [0, 5, 20])
    kept[15]["y"][1] *= np.float32(1.5)
    kept[60]["y"][0] *= np.float32(1.00001)
    found = verify(ScriptedSession(square), model(), loaded(), kept, FIRST, 1e-4)
    assert (found.samples, found.mismatched) == (9, 1)
    assert found.largest_error == pytest.approx(0.5)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_an_answer_that_is_not_finite_is_a_mismatch_without_a_number(bad: float) -> None:
    kept = kept_rows(loaded(), [0])
    kept[0]["y"][2, 0] = bad
    found = verify(ScriptedSession(square), model(), loaded(), kept, FIRST, 1e-4)
    assert (found.samples, found.mismatched, found.largest_error) == (3, 1, None)


def test_an_engine_that_writes_nothing_the_second_time_is_a_mismatch() -> None:
    silent = ScriptedSession(lambda call, batch, out: None)
    assert verify(silent, model(), loaded(), kept_rows(loaded(), [0]), FIRST, 1e-4).mismatched == 3


def test_nothing_kept_is_nothing_verified() -> None:
    assert verify(ScriptedSession(fill_zeros), model(), loaded(), {}, FIRST, 1e-4).samples == 0


def test_of_several_outputs_the_worst_counts() -> None:
    large, small = Tensor(name="large", dtype="float32", shape=(2,)), Tensor(name="small", dtype="int32", shape=())
    two = Model(path=Path("none.onnx"), inputs=(INPUT,), outputs=(large, small))

    def answer(call: int, batch: Arrays, out: Arrays) -> None:
        out["large"][:] = 1e6
        out["small"][:] = batch["x"]

    timed = {"large": np.full((3, 2), 1e6, np.float32), "small": loaded().row(0)["x"].astype(np.int32)}
    first = answer_loaded(ScriptedSession(answer), two, loaded(), lambda: None)
    timed["small"][1] *= 2  # nothing beside the large output, and yet another answer
    found = verify(ScriptedSession(answer), two, loaded(), {0: timed}, first, 1e-2)
    assert (found.mismatched, found.largest_error) == (1, 1.0)


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 60), st.integers(0, 9))
def test_chosen_indices_hold_whole_groups(groups: int, size: int, count: int, seed: int) -> None:
    total = groups * size
    chosen = chosen_indices(total, count, seed, group=size)
    assert len(chosen) == (total if count >= total else count // size * size)
    assert (np.diff(chosen) > 0).all()
    members = chosen.reshape(-1, size)
    assert (members == members[:, :1] + np.arange(size)).all()
    assert (members[:, 0] % size == 0).all()
