"""Both protocols side by side for as long as the block runs, and on which addresses nothing is served in the open."""

from __future__ import annotations

import contextlib
import os
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.backends.endpoint.address import TOKEN, is_loopback
from bench.serving.by_http import HttpServer
from bench.serving.served import Served

_GRACE_S = 2.0


class CannotServe(ValueError):
    """Nothing can be served as it was asked for; one line."""


class Listening(msgspec.Struct, frozen=True, kw_only=True):
    """Where to listen; port 0 takes a free one, None no gRPC. `certificate`, `key`: PEM files, for TLS."""

    host: str = "127.0.0.1"
    port: int = 8080
    grpc_port: int | None = None
    certificate: Path | None = None
    key: Path | None = None


def check(wanted: Listening) -> ssl.SSLContext | None:
    """TLS as it was asked for. Raises CannotServe, also for an address that others reach without token and TLS."""
    if (wanted.certificate is None) != (wanted.key is None):
        raise CannotServe("`--certificate` and `--key` go together: a certificate chain and its key, in PEM.")
    if not is_loopback(wanted.host) and (wanted.certificate is None or not os.environ.get(TOKEN)):
        raise CannotServe(
            f"Others reach {wanted.host}: serve there with `--certificate` and `--key`, and a token in {TOKEN}; "
            "or stay on 127.0.0.1 and have SSH carry it (`ssh -L`)."
        )
    if wanted.certificate is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(wanted.certificate, wanted.key)
    except (OSError, ssl.SSLError) as error:
        why = "no certificate and key that belong together" if isinstance(error, ssl.SSLError) else error.strerror
        raise CannotServe(f"{wanted.certificate} and {wanted.key} cannot be used: {why}.") from None
    return context


@contextlib.contextmanager
def listening(served: Served, wanted: Listening) -> Iterator[list[str]]:
    """Serve while the block runs; gives addresses as the backend `endpoint` takes them. Raises CannotServe."""
    tls = check(wanted)
    with contextlib.ExitStack() as stack:
        try:
            http = HttpServer(served, wanted.host, wanted.port, tls)
        except OSError as error:
            raise CannotServe(f"Cannot listen at {wanted.host}:{wanted.port}: {error.strerror or error}.") from None
        stack.callback(http.server_close)
        addresses = [f"{'https' if tls else 'http'}://{wanted.host}:{http.server_address[1]}"]
        if wanted.grpc_port is not None:
            addresses.append(_start_grpc(served, wanted, stack))
        thread = threading.Thread(target=http.serve_forever, name="http", daemon=True)
        thread.start()
        stack.callback(http.shutdown)
        yield addresses


def _start_grpc(served: Served, wanted: Listening, stack: contextlib.ExitStack) -> str:
    from bench.backends.checks import missing_package

    if missing := missing_package("tritonclient", "endpoint") or missing_package("grpc", "endpoint"):
        raise CannotServe(f"Serving by gRPC: {missing}.")
    from bench.serving.by_grpc import grpc_server

    pem = None
    if wanted.certificate is not None and wanted.key is not None:
        pem = (wanted.key.read_bytes(), wanted.certificate.read_bytes())
    try:
        server, port = grpc_server(served, f"{wanted.host}:{wanted.grpc_port}", pem)
    except OSError as error:
        raise CannotServe(f"{error}.") from None
    server.start()
    stack.callback(lambda: server.stop(_GRACE_S).wait())
    return f"{'grpcs' if pem else 'grpc'}://{wanted.host}:{port}"
