"""Failures on the way to a server as one line for people, without the token, whoever repeats it."""

from __future__ import annotations

import socket
import ssl

from bench.backends.base import EngineError
from bench.backends.endpoint.address import AUTHORITY, TOKEN, Address
from bench.text import printable

_MOST = 300


def told(text: str, secret: str) -> str:
    """What somebody else said: on one line, of bounded length, and never with the token in it."""
    clean = printable(text if not secret else text.replace(secret, "***")).strip()
    return clean if len(clean) <= _MOST else clean[:_MOST] + " …"


def unreachable(address: Address, error: Exception, timeout_s: float) -> EngineError:
    """Why there is no connection, or no more."""
    return EngineError(f"{address.url}: {_why(address, error, timeout_s)}")


def _why(address: Address, error: Exception, timeout_s: float) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"the server's certificate is not accepted: {error.verify_message}. "
                f"{AUTHORITY} may name a file with the authority's certificate"
            )
        case ssl.SSLError():
            return f"no TLS with it ({error.reason or 'broken off'}); does it speak {address.scheme}?"
        case socket.gaierror():
            return f"there is no host {address.host!r} ({error.strerror})"
        case TimeoutError():
            return f"no answer within {timeout_s:g} s (`--setting timeout_s=` waits longer)"
        case ConnectionRefusedError():
            return "nothing listens there; is the server running, and is the port right?"
        case ConnectionError():
            return "it closed the connection in the middle of an answer"
        case OSError():
            return error.strerror or str(error)
    return f"what came is no answer of the Open Inference Protocol ({type(error).__name__})"


def refused(address: Address, status: int, body: str, secret: str) -> EngineError:
    """A server that answered with an HTTP status of failure."""
    said = f": {told(body, secret)}" if body.strip() else ""
    hint = f". {TOKEN} is what proves who asks" if status in (401, 403) else ""
    if 300 <= status < 400:
        hint = ". It sends elsewhere, which is not followed: give the address itself"
    return EngineError(f"{address.url} answered with HTTP status {status}{said}{hint}")
