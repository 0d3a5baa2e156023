"""Views go to the right element of memory: against numpy's own indexing, for any shape."""

from __future__ import annotations

import itertools
from math import prod

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.backends.opencl.layout import (
    BLOCK,
    Geometry,
    View,
    blocked_parts,
    blocked_view,
    broadcast,
    contiguous,
    geometry_view,
    merged,
)

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=5)


def gone_through(sizes: tuple[int, ...], view: View, memory: np.ndarray) -> np.ndarray:
    """What an iteration reads, element by element."""
    places = itertools.product(*(range(size) for size in sizes))
    return np.array([memory[view.offset + sum(i * s for i, s in zip(p, view.strides, strict=True))] for p in places])


@given(SIZES, st.data())
@settings(max_examples=60, deadline=None)
def test_a_broadcast_reads_what_numpy_repeats(target: list[int], data: st.DataObject) -> None:
    shape = [size if data.draw(st.booleans()) else 1 for size in target]
    shape = shape[data.draw(st.integers(0, len(shape))) :]
    memory = np.arange(prod(shape))
    read = gone_through(tuple(target), broadcast(shape, target), memory)
    np.testing.assert_array_equal(read, np.broadcast_to(memory.reshape(shape), target).ravel())


@given(SIZES, st.randoms(use_true_random=False), st.data())
@settings(max_examples=60, deadline=None)
def test_fewer_axes_read_the_same(sizes: list[int], random, data: st.DataObject) -> None:  # type: ignore[no-untyped-def]
    order = list(range(len(sizes)))
    random.shuffle(order)
    steps = contiguous(sizes)
    turned = tuple(sizes[axis] for axis in order)
    view = View(0, tuple(steps[axis] for axis in order))
    repeated = broadcast([s if data.draw(st.booleans()) else 1 for s in turned], turned)
    fewer, (one, other) = merged(turned, [view, repeated])
    memory = np.arange(prod(sizes))
    np.testing.assert_array_equal(gone_through(fewer, one, memory), gone_through(turned, view, memory))
    np.testing.assert_array_equal(gone_through(fewer, other, memory), gone_through(turned, repeated, memory))
    assert len(fewer) <= len(sizes)
    assert prod(fewer) == prod(sizes)


def test_axes_that_lie_behind_one_another_become_one() -> None:
    assert merged((2, 3, 4), [View(0, (12, 4, 1))])[0] == (24,)
    assert merged((2, 3, 4), [View(0, (12, 4, 1)), View(0, (0, 0, 1))])[0] == (6, 4)
    assert merged((1, 1), [View(0, (7, 7))])[0] == (1,)


@given(st.integers(1, 40), st.integers(1, 4), st.integers(1, 4), st.tuples(*[st.integers(0, 2)] * 4), st.integers(1, 2))
@settings(max_examples=40, deadline=None)
def test_blocks_hold_each_channel_in_its_lane(
    channels: int, height: int, width: int, border: tuple[int, int, int, int], samples: int
) -> None:
    picture = np.arange(1, samples * channels * height * width + 1).reshape(samples, channels, height, width)
    geometry = Geometry(channels, height, width, BLOCK, *border)
    memory = np.zeros(samples * geometry.sample, int)
    plain = View(0, contiguous(picture.shape))
    for first, blocks, lanes in blocked_parts(channels):
        sizes = samples, blocks, height, width, lanes
        source = gone_through(sizes, blocked_view(plain, first), picture.ravel())
        target = gone_through(sizes, geometry_view(geometry, first), np.arange(len(memory)))
        memory[target] = source
    # The independent way: numpy pads and turns.
    full = np.pad(picture, ((0, 0), (0, -channels % BLOCK), (border[0], border[2]), (border[1], border[3])))
    expected = full.reshape(samples, -1, BLOCK, geometry.rows, geometry.columns).transpose(0, 1, 3, 4, 2)
    np.testing.assert_array_equal(memory, expected.ravel())


def test_only_memory_that_is_the_same_counts_as_plain() -> None:
    assert Geometry(32, 1, 1).is_plain
    assert not Geometry(17, 1, 1).is_plain
    assert not Geometry(32, 2, 1).is_plain
    assert Geometry(3, 5, 5, 1).is_plain
    assert not Geometry(3, 5, 5, 1, top=1).is_plain
    assert Geometry(32, 4, 4).sharing == ""
    assert Geometry(32, 4, 4, top=1).sharing != Geometry(32, 4, 4, left=1).sharing
