"""`bench.tasks.ragged`: what is packed for a file comes back as it was, and files that say otherwise are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.tasks.ragged import FILLER, packed, unpacked


@given(
    counts=st.lists(st.integers(0, 5), max_size=6),
    width=st.sampled_from([(), (1,), (3,)]),
    dtype=st.sampled_from(["float32", "int32"]),
    seed=st.integers(0, 99),
)
def test_what_is_packed_comes_back(counts: list[int], width: tuple[int, ...], dtype: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    padded = np.full((len(counts), 5, *width), FILLER, dtype)
    for row, count in zip(padded, counts, strict=True):
        row[:count] = rng.integers(0, 9, row[:count].shape)
    stored = packed({"a": padded, "b": padded[:, :, ...]})
    assert len(stored["a"]) == sum(counts)
    for array in unpacked(stored).values():
        np.testing.assert_array_equal(array, padded)
        assert array.dtype == padded.dtype


def test_a_place_that_looks_like_filling_inside_an_answer_stays() -> None:
    padded = np.array([[4, FILLER, 5, FILLER], [FILLER] * 4])
    np.testing.assert_array_equal(unpacked(packed({"a": padded}))["a"], padded)


@pytest.mark.parametrize(
    "change",
    [
        {"a.counts": np.array([2, 2], np.int32)},  # more than there is
        {"a.counts": np.array([-1, 4], np.int32)},
        {"a.counts": np.array([0, 3], np.int32), "a.most": np.array(2)},  # longer than the longest
    ],
)
def test_counts_that_do_not_fit_are_refused(change: dict[str, np.ndarray]) -> None:
    stored = packed({"a": np.array([[1, FILLER, FILLER], [2, 3, FILLER]])})
    with pytest.raises(ValueError, match="'a' holds 3 places"):
        unpacked(stored | change)


@pytest.mark.parametrize("missing", ["a.counts", "a.most"])
def test_an_array_alone_is_refused(missing: str) -> None:
    stored = packed({"a": np.array([[1, FILLER]])})
    del stored[missing]
    with pytest.raises(ValueError, match="'a' lacks"):
        unpacked(stored)
