"""How a batch is handed to the engine's process and its end comes back: a pipe each way, and a flag to spin on.

The pipe carries the message, orders the memory on every kind of processor, and wakes who sleeps. The flag, a number
in shared memory written after it, is a hint only: who waits spins until it shows that the pipe can be read without
sleeping. Spinning on the pipe itself would take a system call each time.
"""

from __future__ import annotations

import os
import struct
from time import perf_counter_ns

from bench.apart.memory import new_memory

# number, kind, input set, samples, slot, first sample
REQUEST = struct.Struct("<QBIIIQ")
# number, kind; behind it the words of an error
REPLY = struct.Struct("<QB")
RUN, NULL, STOP = 0, 1, 2
ANSWERED, FAILED, GONE = 0, 1, 2
MOST_WORDS = 2048  # with the head less than what a pipe takes in one piece (POSIX: 512, Linux and macOS: 4096, 512)
FLAG_BYTES = 4096
_REQUESTS, _REPLIES = 0, 16  # places of the flags, in words of eight bytes, on cache lines of their own

# The engine's process has nothing else to do between two batches, and nobody asks for its core meanwhile.
ENGINE_SPIN_NS = 1_000_000
# The harness must not take a core from an engine that computes on all of them for longer than a wake-up costs.
HARNESS_SPIN_NS = 50_000


class Sender:
    """The writing end: a message into the pipe, then its number into the flag."""

    def __init__(self, descriptor: int, flags: memoryview, replies: bool) -> None:
        self._descriptor, self._flags, self._place = descriptor, flags, _REPLIES if replies else _REQUESTS

    def send(self, number: int, message: bytes) -> None:
        """Raises OSError when nobody reads any more."""
        os.write(self._descriptor, message)
        self._flags[self._place] = number


class Receiver:
    """The reading end; spins for `spin_ns` at most before it sleeps."""

    def __init__(self, descriptor: int, flags: memoryview, replies: bool, spin_ns: int) -> None:
        self._descriptor, self._flags, self._place = descriptor, flags, _REPLIES if replies else _REQUESTS
        self._spin_ns = spin_ns

    def receive(self, number: int) -> bytes:
        """The message of that number, empty when the other side is gone; messages are numbered from 1 on."""
        if self._spin_ns:
            flags, place, now = self._flags, self._place, perf_counter_ns
            until = now() + self._spin_ns
            while flags[place] != number and now() < until:
                pass
        return os.read(self._descriptor, 4096)


def new_flags() -> tuple[int, memoryview]:
    """Flags of one worker: the descriptor to hand on, and their mapping here."""
    descriptor = new_memory(FLAG_BYTES)
    return descriptor, map_flags(descriptor)


def map_flags(descriptor: int) -> memoryview:
    """The flags behind a descriptor, as words of eight bytes."""
    import mmap

    return memoryview(mmap.mmap(descriptor, FLAG_BYTES)).cast("Q")
