"""`bench.loadgen.outputs`: what is no answer is counted, what is one is not; the secret sample is a copy of its own."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.backends.base import Tensor
from bench.loadgen.driver import drive
from bench.loadgen.lane import AllDue, Closed
from bench.loadgen.outputs import OutputRing, SecretSample
from bench.loadgen.timeline import in_memory

from ..fixtures import OUTPUT, Arrays, ScriptedSession
from .lanes import make_lane

FLOATS = ["float16", "float32", "float64"]
OTHERS = ["int64", "int32", "int16", "int8", "uint8", "bool"]


def ring_of(dtype: str, shape: tuple[int, ...] = (10,), batch: int = 3) -> OutputRing:
    ring = OutputRing([Tensor(name="y", dtype=dtype, shape=shape)], batch)
    ring.poison()
    return ring


def write(ring: OutputRing, used: int, value: object = 1) -> None:
    for slot in ring.slots[:used]:
        slot["y"][...] = value


@pytest.mark.parametrize("dtype", FLOATS + OTHERS)
def test_written_outputs_are_not_accused(dtype: str) -> None:
    for value in (0, 1):
        ring = ring_of(dtype)
        write(ring, 5, value)
        ring.settle(5)
        assert ring.bad_samples == 0


@pytest.mark.parametrize("dtype", FLOATS + OTHERS)
def test_unwritten_samples_are_counted(dtype: str) -> None:
    ring = ring_of(dtype)
    write(ring, 4)
    ring.poison()
    for slot in ring.slots[:4]:
        slot["y"][:2] = 1  # the third sample of each batch is left as it was
    ring.settle(4)
    assert ring.bad_samples == 4


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", FLOATS)
def test_samples_with_one_value_that_is_not_finite_are_counted(dtype: str, bad: float) -> None:
    ring = ring_of(dtype)
    write(ring, 4)
    ring.slots[1]["y"][2, 7] = bad
    ring.slots[3]["y"][0, 0] = bad
    ring.slots[3]["y"][0, 1] = -bad
    ring.settle(4)
    assert ring.bad_samples == 2


@pytest.mark.parametrize(("dtype", "large"), [("float16", 65504.0), ("float32", 3e38), ("float64", 1.7e308)])
def test_finite_values_whose_sum_overflows_are_no_false_alarm(dtype: str, large: float) -> None:
    ring = ring_of(dtype)
    write(ring, 4, large)
    ring.settle(4)
    assert ring.bad_samples == 0


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_a_single_small_integer_may_be_any_value(dtype: str) -> None:
    ring = ring_of(dtype, shape=())
    for label in range(128):
        write(ring, 1, label)
        ring.settle(1)
    assert ring.bad_samples == 0


def test_slots_beyond_those_used_are_not_looked_at() -> None:
    ring = ring_of("float32")
    write(ring, 2)
    ring.settle(2)
    ring.settle(0)
    assert ring.bad_samples == 0


def test_a_sample_bad_in_two_outputs_counts_once() -> None:
    ring = OutputRing([OUTPUT, Tensor(name="z", dtype="int64", shape=())], batch=2)
    ring.poison()
    ring.settle(3)
    assert ring.bad_samples == 6


@given(st.sets(st.tuples(st.integers(0, 4), st.integers(0, 2))), st.sampled_from(["float16", "float32"]))
def test_the_count_is_that_of_a_slow_loop(bad: set[tuple[int, int]], dtype: str) -> None:
    ring = ring_of(dtype, shape=(2, 2))
    write(ring, 5)
    for slot, sample in bad:
        ring.slots[slot]["y"][sample, 1, 0] = np.nan
    ring.settle(5)
    assert ring.bad_samples == len(bad)


def test_a_session_that_answers_nothing_is_found_by_the_driver() -> None:
    lane = make_lane([ScriptedSession(lambda call, batch, out: None)], Closed())
    drive(lane, in_memory(2000))
    assert lane.rings[0].bad_samples == 4000


def test_answers_put_elsewhere_than_in_the_given_arrays_do_not_count() -> None:
    def swap(call: int, batch: Arrays, out: Arrays) -> None:
        out["y"] = np.zeros((2, 2), np.float32)  # type: ignore[index]  # what a hostile session may try

    lane = make_lane([ScriptedSession(swap)], Closed())
    drive(lane, in_memory(10))
    assert lane.rings[0].bad_samples == 20


# ------------------------------------------------------------------------------------------------- secret sample


def echo(call: int, batch: Arrays, out: Arrays) -> None:
    """Row-dependent answers: each sample's own number, and the number of the call."""
    out["y"][:, 0] = batch["x"]
    out["y"][:, 1] = call


def kept_after(rows: int, workers: int = 1, seed: int = 5) -> SecretSample:
    lane = make_lane([ScriptedSession(echo) for _ in range(workers)], AllDue(), count=11)
    secret = SecretSample(rows, 2, seed)
    drive(lane, in_memory(rows), secret)
    return secret


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 20, 100, 1500])
def test_at_least_one_row_is_kept(rows: int) -> None:
    for seed in range(5):
        assert kept_after(rows, seed=seed).kept


def test_about_one_in_a_hundred_rows_is_kept_by_one_worker() -> None:
    assert 450 <= len(kept_after(50_000).kept) <= 550


def test_about_one_in_a_hundred_rows_is_kept_by_several_workers() -> None:
    # 200 ± 14 by the binomial distribution; six deviations.
    assert 116 <= len(kept_after(20_000, workers=2).kept) <= 284


def test_no_more_is_kept_than_memory_allows() -> None:
    secret = SecretSample(rows=100_000, batch=64, seed=1, most_samples=640)
    ring = OutputRing([OUTPUT], 64)
    for lo in range(0, 100_000, len(ring.slots)):
        used = min(len(ring.slots), 100_000 - lo)
        secret.draw(used, lambda slot, lo=lo: ((lo + slot) * 64, 64), ring, last=False)  # type: ignore[misc]
    assert 0 < len(secret.kept) * 64 <= 1280


def test_kept_rows_are_copies_of_what_was_answered_then() -> None:
    rows = 5000
    lane = make_lane([ScriptedSession(echo)], AllDue(), count=11)
    secret = SecretSample(rows, 2, seed=5)
    drive(lane, in_memory(rows), secret)
    for number, kept in secret.kept.items():
        assert kept["y"][:, 1].tolist() == [number // 2, number // 2]
        assert kept["y"][:, 0].tolist() == lane.samples.row(number // 2)["x"].tolist()
        assert not any(np.shares_memory(kept["y"], slot["y"]) for slot in lane.rings[0].slots[:1])
        assert kept["y"].base is None


def test_positions_depend_on_the_seed() -> None:
    assert set(kept_after(5000, seed=1).kept) != set(kept_after(5000, seed=2).kept)


def test_failed_rows_are_never_kept() -> None:
    def every_other(call: int, batch: Arrays, out: Arrays) -> None:
        if call % 2:
            raise ValueError("odd")
        echo(call, batch, out)

    lane = make_lane([ScriptedSession(every_other)], Closed())
    secret = SecretSample(150, 2, seed=5, share=1.0)
    timeline = in_memory(150)
    drive(lane, timeline, secret)
    assert set(secret.kept) == set((2 * np.flatnonzero(timeline.status == 0)).tolist())
