"""The protocol over HTTP/1.1 by the standard library's server: a thread for each connection, as a tester holds few."""

from __future__ import annotations

import json
import logging
import math
import ssl
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from bench.backends.base import EngineError
from bench.plugins import one_line
from bench.serving.messages import read_request, write_response
from bench.serving.served import VERSION, BadRequest, Served, server_metadata

_log = logging.getLogger(__name__)
_HEADER = "Inference-Header-Content-Length"
_NUMBER, _REST = 32, 1 << 20


class HttpServer(ThreadingHTTPServer):
    """Listens when made; `serve_forever` answers, `shutdown` from another thread ends that."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, served: Served, host: str, port: int, tls: ssl.SSLContext | None) -> None:
        """Raises OSError where the address is taken or not this host's."""
        self.served, self.tls = served, tls
        one = sum(max(np.dtype(t.dtype).itemsize, _NUMBER) * math.prod(t.shape) for t in served.model.inputs)
        self.most = _REST + served.options.max_batch * one
        super().__init__((host, port), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        _log.info("a connection from %s broke off", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = 300
    server: HttpServer

    def setup(self) -> None:
        # Here and not where connections are taken, so that a client that never ends its greeting holds up nobody.
        if self.server.tls is not None:
            self.request.settimeout(self.timeout)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        super().setup()

    def do_GET(self) -> None:
        served = self.server.served
        model = (f"/v2/models/{served.name}", f"/v2/models/{served.name}/versions/{VERSION}")
        if not served.allows(self.headers.get("Authorization")):
            self._refuse(401, "a token is due, and this is not it")
        elif self.path in ("/v2/health/live", "/v2/health/ready", *(f"{one}/ready" for one in model)):
            self._send(200, b"")
        elif self.path in ("/v2", "/v2/"):
            self._send(200, json.dumps(server_metadata()).encode())
        elif self.path in model:
            self._send(200, json.dumps(served.metadata()).encode())
        else:
            self._refuse(404, f"there is nothing at this path; the model here is {served.name!r}")

    def do_POST(self) -> None:
        served, text = self.server.served, self.headers.get("Content-Length", "")
        length = int(text) if text.isdecimal() else -1
        if not served.allows(self.headers.get("Authorization")):
            return self._refuse(401, "a token is due, and this is not it", close=True)
        if length < 0 or self.headers.get("Transfer-Encoding"):
            return self._refuse(411, "the length of the body is due", close=True)
        if length > self.server.most:
            return self._refuse(413, f"a body has at most {self.server.most} bytes here", close=True)
        body = self.rfile.read(length)
        known = (f"/v2/models/{served.name}/infer", f"/v2/models/{served.name}/versions/{VERSION}/infer")
        if self.path not in known:
            return self._refuse(404, f"there is nothing at this path; the model here is {served.name!r}")
        try:
            request, batch = read_request(body, self.headers.get(_HEADER))
            answer, head = write_response(served.name, request, served.answer(batch))
        except BadRequest as error:
            return self._refuse(400, str(error))
        except EngineError as error:
            return self._refuse(500, str(error))
        except Exception as error:  # noqa: BLE001 - an engine may raise anything, and the next request is another
            return self._refuse(500, one_line(error))
        self._send(200, answer, head)
        return None

    def _refuse(self, status: int, why: str, close: bool = False) -> None:
        # What a refused body still holds would be taken for the next request.
        self.close_connection = self.close_connection or close
        self._send(status, json.dumps({"error": why}).encode())

    def _send(self, status: int, body: bytes, head: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if head is None else "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        if head is not None:
            self.send_header(_HEADER, str(head))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        _log.debug(format, *args)
