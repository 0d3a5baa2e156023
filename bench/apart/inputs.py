"""Input sets in memory shared with the engine's process: laid out once, so that a batch is a place in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.apart.memory import forbid_writing, new_array, shape_of
from bench.apart.messages import Lay
from bench.backends.base import Arrays, EngineError, Tensor

Named = dict[str, NDArray[np.generic]]
Place = tuple[int, int, int]  # input set, samples, first sample


class _Set(msgspec.Struct, frozen=True, kw_only=True):
    """Arrays of one set with the address and the bytes per sample of each."""

    number: int
    arrays: Named
    bases: dict[str, tuple[int, int]]


class SharedInputs:
    """All sets of one engine's process; `lay_out` is what tells that process of a new one."""

    def __init__(self, tensors: Sequence[Tensor], lay_out: Callable[[Lay, Sequence[int]], object]) -> None:
        self._tensors, self._lay_out = tuple(tensors), lay_out
        self._sets: list[_Set] = []
        self._remembered: list[Mapping[str, NDArray[np.generic]]] = []
        self.known: dict[int, Place] = {}

    def lay(self, samples: Arrays, positions: NDArray[np.int64]) -> Named:
        """`samples` in the order of `positions` as shared arrays, which the engine's process cannot change."""
        whole = self._new(len(positions), lambda array, name: np.take(samples[name], positions, axis=0, out=array))
        return whole.arrays

    def scratch(self, rows: int) -> tuple[int, Named]:
        """A set to be written again and again: its number and its arrays of `rows` samples."""
        new = self._new(rows, None)
        return new.number, new.arrays

    def remember(self, batches: Sequence[Mapping[str, NDArray[np.generic]]]) -> None:
        """Look these batches, views of laid out sets, up once; `known` then has the place of each by its id."""
        for batch in batches:
            place = self.find(batch)
            if place is not None:
                self._remembered.append(batch)  # held, so that no other object gets its id
                self.known[id(batch)] = place

    def find(self, batch: Arrays) -> Place | None:
        """Where a batch of views lies, None for arrays that are no part of one set."""
        for one in reversed(self._sets):
            place = _place(one, batch)
            if place is not None:
                return place
        return None

    def _new(self, rows: int, fill: Callable[[NDArray[np.generic], str], object] | None) -> _Set:
        arrays, descriptors = {}, []
        for tensor in self._tensors:
            descriptor, arrays[tensor.name] = new_array(shape_of(rows, tensor), tensor.dtype)
            descriptors.append(descriptor)
            if fill is not None:
                fill(arrays[tensor.name], tensor.name)
                forbid_writing(descriptor)
        number = len(self._sets)
        self._lay_out(Lay(number=number, rows=rows, tensors=self._tensors, private=fill is not None), descriptors)
        bases = {name: (_address(array), max(array.strides[0], 1)) for name, array in arrays.items()}
        self._sets.append(_Set(number=number, arrays=arrays, bases=bases))
        return self._sets[-1]


def check_forms(tensors: Sequence[Tensor], arrays: Arrays, most: int) -> int:
    """Number of samples of a batch. Raises EngineError for another form than declared, or more than `most` of them."""
    count = len(arrays[tensors[0].name])
    for tensor in tensors:
        array = arrays[tensor.name]
        if array.dtype != tensor.dtype or array.shape != shape_of(count, tensor):
            came, declared = f"{array.dtype}{list(array.shape)}", f"{tensor.dtype}{list(shape_of(count, tensor))}"
            raise EngineError(f"{tensor.name!r} came as {came}; declared is {declared}.")
    if count > most:
        raise EngineError(f"a batch of {count} came; it is made ready for {most} at most.")
    return count


def _place(one: _Set, batch: Arrays) -> Place | None:
    first = count = -1
    for name, (base, stride) in one.bases.items():
        array, whole = batch[name], one.arrays[name]
        start, rest = divmod(_address(array) - base, stride)
        inside = start >= 0 and start + len(array) <= len(whole)
        same = array.dtype == whole.dtype and array.shape[1:] == whole.shape[1:] and array.strides == whole.strides
        if rest or not inside or not same or (first >= 0 and (start, len(array)) != (first, count)):
            return None
        first, count = start, len(array)
    return one.number, count, first


def _address(array: NDArray[np.generic]) -> int:
    return int(array.__array_interface__["data"][0])
