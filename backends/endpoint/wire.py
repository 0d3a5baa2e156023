"""What both protocols can do: a client with one connection of its own, and the way it is made and checked."""

from __future__ import annotations

import socket
from typing import Protocol

from bench.backends.base import Arrays, Model
from bench.backends.endpoint.address import Asked, token, trusted
from bench.backends.endpoint.forms import Served, Server
from bench.backends.endpoint.words import unreachable


class Wire(Protocol):
    """One connection to a served model; used by one thread at a time. All raise EngineError, one line."""

    def server(self) -> Server:
        """The server's own name and version."""

    def served(self) -> Served:
        """What it says of the model."""

    def ready(self) -> bool:
        """Whether the model is loaded there and may be asked."""

    def live(self) -> None:
        """The shortest exchange that the protocol has; nothing is computed."""

    def infer(self, batch: Arrays, out: Arrays) -> None:
        """Answer a batch."""

    def close(self) -> None:
        """Close the connection."""


def connect(asked: Asked, model: Model, max_batch: int) -> Wire:
    """A client that has not spoken yet. Raises Unsupported or EngineError."""
    secret = token(asked.address)
    if asked.address.grpc:
        from bench.backends.endpoint.by_grpc import GrpcWire

        return GrpcWire(asked, model, max_batch, secret)
    from bench.backends.endpoint.by_http import HttpWire

    return HttpWire(asked, model, max_batch, secret)


def reach(asked: Asked) -> None:
    """Open a connection and close it again, with TLS where it is asked for: so that both protocols fail in the same
    words where nobody listens or a certificate is wrong. Raises EngineError.
    """
    address = asked.address
    try:
        with socket.create_connection((address.host, address.port), timeout=asked.timeout_s) as plain:
            if address.tls:
                trusted().wrap_socket(plain, server_hostname=address.host).close()
    except OSError as error:
        raise unreachable(address, error, asked.timeout_s) from None
