"""Inputs and outputs through mapped memory: bit for bit what copying gives, in memory of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.backends.base import Model, Unsupported
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.device import Found
from bench.backends.opencl.memory import EXCHANGED, place
from bench.records.plan import Setting

from .. import seam
from .test_memory import plan
from .test_session import host_model

MAPPED: dict[str, Setting] = {"host_memory": "mapped"}


@pytest.mark.parametrize("make", [seam.tiny, seam.two_way, host_model, lambda _: seam.speech()])
@pytest.mark.parametrize("sizes", [(4, 4, 4), (1, 3, 4, 1), (4, 1, 1, 2)])
def test_answers_are_those_of_copying(
    found: Found, make: Callable[[Path], tuple[Model, seam.Named]], sizes: Sequence[int], tmp_path: Path
) -> None:
    model, inputs = make(tmp_path)
    inputs = {name: np.resize(array, (12, *array.shape[1:])) for name, array in inputs.items()}
    facts, mapped = seam.answers(BACKEND, model, inputs, sizes, device=found.device, settings=MAPPED)
    _, copied = seam.answers(BACKEND, model, inputs, sizes, device=found.device)
    assert facts.applied["host_memory"] == "mapped"
    for name, array in copied.items():
        assert not np.isnan(array).any()
        np.testing.assert_array_equal(mapped[name], array)


@given(st.integers(0, 10_000), st.integers(1, 30))
@settings(max_examples=40, deadline=None)
def test_no_step_between_uses_what_host_and_device_share(seed: int, count: int) -> None:
    made = plan(seed, count)
    placed = place(made, exchanging=True)
    outside = {one.number for one in (*made.inputs.values(), *made.outputs.values()) if one is not None}
    exchanged = {number for number, slot in placed.slots.items() if slot.sharing == EXCHANGED}
    assert exchanged == outside
    assert len({placed.slots[number] for number in outside}) == len(outside)


def test_another_way_is_refused_with_the_known_ones(found: Found, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"'host_memory' cannot be 'maped'\. Did you mean 'mapped'"):
        BACKEND.compile(seam.tiny(tmp_path)[0], found.device, seam.options(settings={"host_memory": "maped"}))
