"""`bench.loadgen.samples`: every batch is a view, and holds what gathering would have given."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.loadgen.samples import LoadedSet, issue_order, samples_of_rows

from .lanes import slow_rows

COUNTS, BATCHES, SEEDS = st.integers(1, 40), st.integers(1, 24), st.integers(0, 2**63 - 1)


@given(COUNTS, BATCHES, st.integers(0, 100), SEEDS)
def test_rows_equal_gathered_samples(count: int, batch: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(1)
    inputs = {"x": rng.integers(0, 255, (count, 2, 3), np.uint8), "mask": rng.random(count) < 0.5}
    loaded = LoadedSet(inputs, batch, seed)
    gathered = samples_of_rows(loaded.order, rows, batch)
    assert gathered.tolist() == slow_rows(loaded.order, rows, batch)
    for row in range(rows):
        for name, array in inputs.items():
            assert (loaded.row(row)[name] == array[gathered[row]]).all()
            assert loaded.row(row)[name].flags.c_contiguous


@given(COUNTS, BATCHES)
def test_rows_are_views_of_one_layout(count: int, batch: int) -> None:
    loaded = LoadedSet({"x": np.arange(count)}, batch, seed=0)
    bases = {id(named["x"].base) for named in loaded.batches}
    assert len(bases) == 1
    assert all(named["x"].base is not None for named in loaded.batches)


@given(COUNTS, SEEDS)
def test_the_order_is_a_permutation_fixed_by_its_seed(count: int, seed: int) -> None:
    order = issue_order(count, seed)
    assert sorted(order.tolist()) == list(range(count))
    assert (order == issue_order(count, seed)).all()


def test_the_inputs_given_are_not_changed_and_not_shared() -> None:
    given_array = np.arange(10)
    loaded = LoadedSet({"x": given_array}, 3, seed=0)
    loaded.batches[0]["x"][:] = -1
    assert given_array.tolist() == list(range(10))


@pytest.mark.parametrize("inputs", [{"x": np.empty((0, 3))}, {"x": np.zeros(3), "y": np.zeros(4)}])
def test_empty_and_unequal_inputs_are_refused(inputs: dict[str, np.ndarray]) -> None:
    with pytest.raises(ValueError, match="same positive number of samples in every input"):
        LoadedSet(inputs, 2, seed=0)
