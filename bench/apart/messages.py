"""What the harness and an engine's own process say to each other outside the clock: one JSON line at a time.

Never pickled objects: the engine's process runs a vendor's code, and unpickling would run it here.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from bench.backends.base import EngineError, Model, Options, Tensor, Unsupported, engine_error
from bench.plugins import PluginError
from bench.records.findings import Cause
from bench.records.host import Device, Facts

_MOST_BYTES, _MOST_DESCRIPTORS = 1 << 22, 64


class Compile(msgspec.Struct, frozen=True, kw_only=True, tag="compile"):
    """Load the backend, find the device, compile."""

    backend: str
    device: str
    model: Model
    options: Options


class Lay(msgspec.Struct, frozen=True, kw_only=True, tag="lay"):
    """Map arrays, a descriptor each, as input set number `number`; `rows` is their leading axis.

    A `private` set is mapped copy-on-write: the engine's process cannot change what the harness feeds.
    """

    number: int
    rows: int
    tensors: tuple[Tensor, ...]
    private: bool


class Open(msgspec.Struct, frozen=True, kw_only=True, tag="open"):
    """Open a session for a worker. Descriptors: requests to read, replies to write, then outputs in order.

    Each output is mapped as (slots, batch, …).
    """

    worker: int
    slots: int
    batch: int


class Close(msgspec.Struct, frozen=True, kw_only=True, tag="close"):
    """Close sessions and model, and end."""


class Hold(msgspec.Struct, frozen=True, kw_only=True, tag="hold"):
    """Collect garbage now, and then not again until `Release`."""


class Release(msgspec.Struct, frozen=True, kw_only=True, tag="release"):
    """Collect garbage again as before `Hold`; the answer says how often it was collected all the same."""


Request = Compile | Lay | Open | Hold | Release | Close


class Compiled(msgspec.Struct, frozen=True, kw_only=True, tag="compiled"):
    """The device that was found, and what the engine says it compiled."""

    device: Device
    facts: Facts


class Done(msgspec.Struct, frozen=True, kw_only=True, tag="done"):
    """What was asked for is done."""


class Released(msgspec.Struct, frozen=True, kw_only=True, tag="released"):
    """How often garbage was collected since `Hold`: the word of the engine's process."""

    collections: int


Kind = Literal["plugin", "unsupported", "engine"] | Cause


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag="refused"):
    """It cannot be done; one line. `kind` says what is wrong: the plug-in, the request, or the engine, and why that."""

    message: str
    kind: Kind

    def error(self) -> Exception:
        """What the harness's side raises for it."""
        match self.kind:
            case "plugin":
                return PluginError(self.message)
            case "unsupported":
                return Unsupported(self.message)
            case "engine":
                return EngineError(self.message)
            case cause:
                return engine_error(self.message, cause)


Answer = Compiled | Done | Released | Refused


class Closed(ConnectionError):
    """The other side is gone."""


class Channel:
    """One end of a socket: a line out, a line in, with file descriptors beside it."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._encoder = msgspec.json.Encoder(enc_hook=str)  # paths are all that msgspec does not know

    def send(self, message: Request | Answer, descriptors: Sequence[int] = ()) -> None:
        """Raises Closed."""
        line = self._encoder.encode(message) + b"\n"
        try:
            if descriptors:
                socket.send_fds(self._connection, [line], list(descriptors))
            else:
                self._connection.sendall(line)
        except OSError as error:
            raise Closed(str(error)) from None

    def receive_request(self) -> tuple[Request, list[int]]:
        """Raises Closed, or msgspec.DecodeError for what is no request."""
        line, descriptors = self._line()
        request: Request = msgspec.json.decode(line, type=Request, dec_hook=_decode)
        return request, descriptors

    def receive_answer(self) -> Answer:
        """Raises Closed, or msgspec.DecodeError for what is no answer."""
        line, descriptors = self._line()
        for descriptor in descriptors:
            os.close(descriptor)  # an answer brings none
        answer: Answer = msgspec.json.decode(line, type=Answer)
        return answer

    def _line(self) -> tuple[bytes, list[int]]:
        line, found = b"", []
        while not line.endswith(b"\n"):
            try:
                part, descriptors, _, _ = socket.recv_fds(self._connection, 1 << 16, _MOST_DESCRIPTORS)
            except OSError as error:
                raise Closed(str(error)) from None
            found += descriptors
            line += part
            if not part or len(line) > _MOST_BYTES:
                raise Closed("no whole line came")
        return line, found


def _decode(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)
