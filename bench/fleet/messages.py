"""What passes between the head, a node's agent and the process that measures there: JSON, and nothing that is run."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

import msgspec

from bench.records.plan import RunPlan
from bench.records.record import FleetPart

_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")


class NodeJob(msgspec.Struct, frozen=True, kw_only=True):
    """What a node is to measure; `gated`: each repetition waits for a moment that the head names."""

    plan: RunPlan
    run_id: str
    part: FleetPart
    gated: bool = False


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """A job with the folder that the measuring process works in, for that process alone."""

    job: NodeJob
    folder: str


class At(msgspec.Struct, frozen=True, kw_only=True, tag="at"):
    """What is being done: which measurement of how many, its name, the repetition from 0, the phase."""

    position: int
    total: int
    measurement: str
    repetition: int
    phase: str


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A file that is there to be fetched, `path` relative to the run's folder."""

    path: str
    bytes: int
    sha256: str

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path).parts
        if not parts or not all(_PART.fullmatch(part) for part in parts):
            raise ValueError(f"{self.path[:80]!r} is no path within a run")
        if self.bytes < 0:
            raise ValueError(f"a file of {self.bytes} bytes")


class Files(msgspec.Struct, frozen=True, kw_only=True, tag="files"):
    """Files that are new; nothing is measured until the head has fetched them and says `go`."""

    files: tuple[Sent, ...]


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag="ended"):
    """The last message: whether the run is whole, whether it ended by itself, and in one line what is wrong."""

    complete: bool
    ran: bool = False
    why: str = ""


Message = At | Files | Ended
_DECODER: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


def decoded(line: bytes) -> Message:
    """Raises msgspec.DecodeError for what is no message."""
    return _DECODER.decode(line)
