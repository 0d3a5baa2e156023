"""Samples of different lengths: engines get batches cut to their longest sample, the harness sees the largest form.

A workload lays its samples out filled up to the longest of all, so that batches, rings and stored answers are plain
arrays. What is beyond a batch's longest sample is cut off here before an engine sees it, and filled with zeros in its
answers, which is what the network itself gives beyond a sample's own end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Arrays, Backend, Compiled, EngineError, Model, Options, Session, Tensor
from bench.backends.poison import poison
from bench.records.host import Device, Facts


def compile_trimmed(backend: Backend, model: Model, device: Device, options: Options) -> Compiled:
    """`backend.compile`; where samples of `model` have lengths its sessions get trimmed batches. Raises as it does."""
    compiled = backend.compile(model, device, options)
    return compiled if model.varying is None else _Trimmed(compiled, model, options.max_batch)


@dataclass(frozen=True, slots=True)
class _Trimmed:
    compiled: Compiled
    model: Model
    most: int

    @property
    def facts(self) -> Facts:
        return self.compiled.facts

    def open(self, worker: int) -> Session:
        return TrimmedSession(self.compiled.open(worker), self.model, self.most)

    def close(self) -> None:
        self.compiled.close()


class TrimmedSession:
    """Around a session of a model whose samples vary in length, for batches of at most `most`.

    Batches of one are views. Of more, their tails lie between the samples: inputs are copied together, and answers
    come in poisoned arrays of the trimmed form, from which they are copied.
    """

    def __init__(self, session: Session, model: Model, most: int) -> None:
        assert model.varying is not None
        self._session, self._length = session, model.varying.length
        units = model.varying.units
        self._inputs = [_Staged(tensor, units[tensor.name], most) for tensor in model.inputs if tensor.name in units]
        self._outputs = [_Staged(tensor, units[tensor.name], most) for tensor in model.outputs if tensor.name in units]
        first = next(tensor for tensor in model.inputs if tensor.name == next(iter(units)))
        self._unit, self._whole = units[first.name], first.shape[0] // units[first.name]

    def run(self, batch: Arrays, out: Arrays) -> None:
        """Answer `batch`, whose arrays have the declared form. Raises EngineError for others, and as sessions do."""
        for one, array in [(o, batch[o.name]) for o in self._inputs] + [(o, out[o.name]) for o in self._outputs]:
            one.check(array)
        units = max(1, math.ceil(int(batch[self._length].max()) / self._unit))
        if units >= self._whole:
            self._session.run(batch, out)
            return
        given, answered = dict(batch), dict(out)
        for one in self._inputs:
            given[one.name] = one.trimmed(batch[one.name], units)
            if len(batch[one.name]) > 1:
                np.copyto(given[one.name], batch[one.name][:, : one.places(units)])
        for one in self._outputs:
            answered[one.name] = one.trimmed(out[one.name], units)
            if len(out[one.name]) > 1:
                poison(answered[one.name])
        self._session.run(given, answered)
        for one in self._outputs:
            target, places = out[one.name], one.places(units)
            if len(target) > 1:
                np.copyto(target[:, :places], answered[one.name])
            target[:, places:] = 0

    def close(self) -> None:
        """Close the session."""
        self._session.close()


class _Staged:
    """Memory for a batch of a tensor at any trimmed length, contiguous at each."""

    def __init__(self, tensor: Tensor, unit: int, most: int) -> None:
        self.name, self._unit, self._shape, self._rest = tensor.name, unit, tensor.shape, tensor.shape[1:]
        self._memory: NDArray[np.generic] = np.empty(most * int(np.prod(tensor.shape)), tensor.dtype)

    def check(self, array: NDArray[np.generic]) -> None:
        """What lies behind a sample's end may be cut off, but must be there: another form is another's sample."""
        if array.shape[1:] != self._shape:
            raise EngineError(f"{self.name!r} came as {list(array.shape[1:])}; declared is {list(self._shape)}.")

    def places(self, units: int) -> int:
        """Along the axis that varies."""
        return units * self._unit

    def trimmed(self, array: NDArray[np.generic], units: int) -> NDArray[np.generic]:
        """The form of `array` (n, longest, …) at a length of `units`: a view of it where n is 1, else of the memory."""
        if len(array) == 1:
            return array[:, : self.places(units)]
        shape = (len(array), self.places(units), *self._rest)
        return self._memory[: math.prod(shape)].reshape(shape)
