"""How a batch is handed to the engine's process and its end comes back: one message through a pipe each way.

The pipe orders the memory on every kind of processor, wakes who sleeps, and shows when the other side is gone. Nobody
spins: a core that is waited on is one that the engine computes with.
"""

from __future__ import annotations

import os
import struct

from bench.records.findings import Cause

# number, kind, input set, samples, slot, first sample
REQUEST = struct.Struct("<QBIIIQ")
# number, kind; behind it the words of a failure
REPLY = struct.Struct("<QB")
RUN, NULL, STOP = 0, 1, 2
ANSWERED, GONE = 0, 1
# Kinds of failures, by why they happened.
FAILURES: dict[Cause | None, int] = {None: 2, "out-of-memory": 3, "device-lost": 4}
# With the head less than the 512 bytes that any pipe takes in one piece.
MOST_WORDS = 480


def receive(descriptor: int) -> bytes:
    """The next message, whole; empty when nobody can write to the pipe any more."""
    return os.read(descriptor, REPLY.size + MOST_WORDS)
