"""CUDA graphs: a batch's work recorded once for each of some sizes, and played back as one launch.

A batch is played in the smallest recording that holds it; the rows above it hold what was there before, and nobody
reads their answers. Inputs and answers of a recording lie where they lay when it was made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bench.backends.base import Arrays, Model
from bench.backends.torch_sessions import DeviceSession, Driver, Network, check_answer, fitting, told, writeable

if TYPE_CHECKING:
    import torch

    from bench.backends.torch_sessions import Recording, Work


def recorded_sizes(most: int) -> tuple[int, ...]:
    """Powers of two below `most`, and `most`: at most half of what is computed is for nobody."""
    return (*(1 << power for power in range((most - 1).bit_length())), most)


class GraphSession(DeviceSession):
    """One stream, pinned buffers, inputs on the device and recordings of its own. Opening records them all."""

    def __init__(self, network: Network, model: Model, max_batch: int, executed: torch.dtype, driver: Driver) -> None:
        super().__init__(network, model, max_batch, executed, driver)
        self._resident = {name: driver.resident(one.shape, one.dtype) for name, one in self._inputs.items()}
        self._recordings: dict[int, Recording] = {}
        for size in reversed(recorded_sizes(max_batch)):  # the largest first: the others fit into its memory
            last = next(reversed(self._recordings.values()), None)
            with self._inference():
                self._recordings[size] = driver.recorded(self._work(size), last)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Batches that were recorded, ascending."""
        return tuple(sorted(self._recordings))

    def close(self) -> None:
        super().close()
        self._recordings.clear()
        self._resident.clear()

    def _work(self, size: int) -> Work:
        """What is recorded: from the inputs on the device to answers of the declared types there."""

        def work() -> list[torch.Tensor]:
            assert self._network is not None
            answers = told(self._network(*(one[:size] for one in self._resident.values())), list(self._outputs))
            for (name, buffer), answer in zip(self._outputs.items(), answers, strict=True):
                check_answer(name, answer, buffer[:size], self._executed)
            return [one.to(buffer.dtype) for one, buffer in zip(answers, self._outputs.values(), strict=True)]

        return work

    def _answer(self, batch: Arrays, out: Arrays) -> None:
        rows = len(next(iter(batch.values())))
        recording = self._recordings[min(size for size in self._recordings if size >= rows)]
        with self._inference(), self._stream:
            for name, buffer in self._inputs.items():
                staged = fitting(buffer, batch[name])
                staged.copy_(self._view(writeable(batch[name])))
                self._driver.put(staged, self._resident[name][:rows])
            recording.replay()
            for (name, buffer), answer in zip(self._outputs.items(), recording.answers, strict=True):
                self._driver.fetch(answer[:rows], fitting(buffer, out[name]))
        self._stream.synchronize()  # before this the host reads what was there before
        for name, buffer in self._outputs.items():
            np.copyto(out[name], fitting(buffer, out[name]).numpy())
