"""What the child of a repetition tells its parent while it works."""

from __future__ import annotations

from typing import IO

import msgspec

from bench.records.job import Event, Phase


class Reporter:
    """Writes events, one JSON line each, for the parent."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def send(self, event: Event) -> None:
        self._stream.write(msgspec.json.encode(event) + b"\n")
        self._stream.flush()

    def phase(self, name: str, expected_s: float = 0.0) -> None:
        self.send(Phase(name=name, expected_s=expected_s))
