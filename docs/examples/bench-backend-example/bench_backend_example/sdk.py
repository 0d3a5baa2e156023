"""A make-believe card and its SDK: programs, memory of its own, a queue that works while the caller goes on.

Replace it by the Python module of your card; `backend.py` shows which of its calls goes where. The sums are done by
onnxruntime on the host, in memory that the caller cannot see, as a card's would be. Environment variables make it fail
as cards do: EXAMPLE_CARDS (how many there are, 1), EXAMPLE_CARD_MIB (memory of each, 256), EXAMPLE_LOST_AFTER (launches
until the card falls off the bus).
"""

from __future__ import annotations

import math
import os
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

VERSION, DRIVER = "2.1", "5.10"
PRECISIONS = ("fp32",)


class CardError(Exception):
    """What the card's driver says; `code` is NO_DEVICE, OUT_OF_MEMORY, BAD_PROGRAM or DEVICE_LOST."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


def count() -> int:
    """How many cards there are."""
    return int(os.environ.get("EXAMPLE_CARDS", "1"))


class Buffer:
    """Memory on the card."""

    def __init__(self, card: Card, shape: Sequence[int], dtype: str) -> None:
        card.take(math.prod(shape) * np.dtype(dtype).itemsize)
        self._array = np.zeros(shape, dtype)
        self._card = card

    def free(self) -> None:
        self._card.give(self._array.nbytes)
        self._array = np.zeros(0, self._array.dtype)


class Card:
    """A card that was opened; `memory_bytes` is what its buffers and programs may take together."""

    def __init__(self, index: int) -> None:
        if not 0 <= index < count():
            raise CardError("NO_DEVICE", f"there is no card {index}")
        self.memory_bytes = int(os.environ.get("EXAMPLE_CARD_MIB", "256")) << 20
        self.launches_left = int(os.environ.get("EXAMPLE_LOST_AFTER", "1000000000"))
        self._used, self._lock = 0, threading.Lock()

    def take(self, size: int) -> None:
        with self._lock:
            if self._used + size > self.memory_bytes:
                free = self.memory_bytes - self._used
                raise CardError("OUT_OF_MEMORY", f"{size} bytes were asked for, {free} are free")
            self._used += size

    def give(self, size: int) -> None:
        with self._lock:
            self._used -= size

    def load(self, path: Path, threads: int) -> Program:
        """Compile an ONNX file for the card."""
        return Program(self, path, threads)


class Program:
    """A network on the card."""

    def __init__(self, card: Card, path: Path, threads: int) -> None:
        import onnxruntime

        self.card, self.size = card, path.stat().st_size
        card.take(self.size)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = threads, 4
        try:
            self._network = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:
            card.give(self.size)
            raise CardError("BAD_PROGRAM", f"{path.name} cannot be compiled") from error

    def execute(self, inputs: Mapping[str, Buffer], outputs: Mapping[str, Buffer], samples: int) -> None:
        """What the card does at a launch."""
        self.card.launches_left -= 1
        if self.card.launches_left < 0:
            raise CardError("DEVICE_LOST", "the card does not answer any more")
        fed = {name: buffer._array[:samples] for name, buffer in inputs.items()}
        for buffer, answer in zip(outputs.values(), self._network.run(list(outputs), fed), strict=True):
            buffer._array[:samples] = answer

    def unload(self) -> None:
        self.card.give(self.size)
        del self._network


class Queue:
    """Work in order, done while the caller goes on; `finish` waits for all of it and raises what went wrong."""

    def __init__(self) -> None:
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._failed: CardError | None = None
        self._thread = threading.Thread(target=self._serve, name="example-card", daemon=True)
        self._thread.start()

    def copy_in(self, target: Buffer, source: NDArray[np.generic]) -> None:
        """Host to card. As on a real card, `source` must stay as it is until `finish`."""
        self._work.put(lambda: np.copyto(target._array[: len(source)], source))

    def launch(self, program: Program, ins: Mapping[str, Buffer], outs: Mapping[str, Buffer], samples: int) -> None:
        self._work.put(lambda: program.execute(ins, outs, samples))

    def copy_out(self, target: NDArray[np.generic], source: Buffer) -> None:
        """Card to host; `target` is filled at `finish`."""
        self._work.put(lambda: np.copyto(target, source._array[: len(target)]))

    def finish(self) -> None:
        done = threading.Event()
        self._work.put(done.set)
        done.wait()
        failed, self._failed = self._failed, None
        if failed is not None:
            raise failed

    def close(self) -> None:
        self._work.put(None)
        self._thread.join()

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            try:
                if self._failed is None or getattr(work, "__name__", "") == "set":
                    work()
            except CardError as error:
                self._failed = error
