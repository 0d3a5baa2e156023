"""What a process of its own says, line by line, while somebody waits: lines as they come, and how it ended."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
from collections.abc import Generator
from typing import IO

from bench.host.engine_process import die_with_parent, how_it_ended, kill_engine_process, start_engine_process


class NoMoreAnswers(Exception):
    """The process ended, or was silent for too long, before whoever reads had enough; half a sentence."""


def answers(module: str, request: str, patience_s: float) -> Generator[bytes, None, None]:
    """Lines that `python -m module request …` writes, until the reader goes, which ends the process.

    Raises NoMoreAnswers after its end, or where none came for `patience_s`.
    """
    reading, writing = os.pipe()
    arguments = [request, str(writing), str(os.getpid())]
    # The stream is closed after the child's end: before it, closing waits for the thread that reads.
    with (
        os.fdopen(reading, "rb") as stream,
        start_engine_process(module, arguments, pass_fds=(writing,)) as child,
    ):
        os.close(writing)
        try:
            yield from _followed(child, stream, patience_s)
        finally:
            kill_engine_process(child)


def answering(arguments: list[str]) -> tuple[str, IO[bytes]]:
    """In the process itself: the request, and where to write lines; it dies with whoever reads them."""
    request, descriptor, parent = arguments
    die_with_parent(int(parent))
    os.set_inheritable(int(descriptor), False)  # an engine's helper must not hold the parent's pipe open
    return request, os.fdopen(int(descriptor), "wb")


def _followed(child: subprocess.Popen[bytes], stream: IO[bytes], patience_s: float) -> Generator[bytes, None, None]:
    lines: queue.Queue[bytes] = queue.Queue()

    def read() -> None:
        for line in stream:
            lines.put(line)
        lines.put(b"")

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=patience_s)
        except queue.Empty:
            raise NoMoreAnswers(f"no verdict within {patience_s:.0f} s") from None
        if not line:
            raise NoMoreAnswers(how_it_ended(child.wait()))
        yield line
