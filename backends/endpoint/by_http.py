"""The protocol over HTTP: tritonclient writes and reads the messages, the standard library carries them.

tritonclient's own HTTP transport belongs to the thread that opened it; sessions here are opened in one thread and used
in another.
"""

from __future__ import annotations

import http.client
import json
import math
import time
from typing import TYPE_CHECKING, TypeVar

from bench.backends.base import Arrays, EngineError, Model
from bench.backends.endpoint.address import Asked, trusted
from bench.backends.endpoint.forms import DATATYPES, Served, Server, fill
from bench.backends.endpoint.words import refused, told, unreachable
from bench.records.untrusted import BadFile, parse_json

if TYPE_CHECKING:
    from tritonclient.http import InferResult

T = TypeVar("T")
_HEADER = "Inference-Header-Content-Length"
# Bytes of JSON that a number may take, and of all else in an answer: what is longer is no answer.
_NUMBER, _REST = 32, 1 << 20
_CHUNK = 1 << 20


class HttpWire:
    """See `Wire`. A connection that the server closed between two calls is opened again once."""

    def __init__(self, asked: Asked, model: Model, max_batch: int, secret: str) -> None:
        address = asked.address
        self._asked, self._secret = asked, secret
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}
        self._outputs = [tensor.name for tensor in model.outputs]
        numbers = sum(max_batch * math.prod(tensor.shape) for tensor in model.outputs)
        self._most = _REST + _NUMBER * numbers
        self._model = f"/v2/models/{asked.model}" + (f"/versions/{asked.version}" if asked.version else "")
        if address.tls:
            self._connection: http.client.HTTPConnection = http.client.HTTPSConnection(
                address.host, address.port, timeout=asked.timeout_s, context=trusted()
            )
        else:
            self._connection = http.client.HTTPConnection(address.host, address.port, timeout=asked.timeout_s)

    def server(self) -> Server:
        return self._told("/v2", Server)

    def served(self) -> Served:
        return self._told(self._model, Served)

    def ready(self) -> bool:
        status, _, _ = self._exchange("GET", f"{self._model}/ready")
        return status == 200

    def live(self) -> None:
        status, body, _ = self._exchange("GET", "/v2/health/live")
        if status != 200:
            raise self._refusal(status, body)

    def infer(self, batch: Arrays, out: Arrays) -> None:
        from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput

        inputs = []
        for name, array in batch.items():
            one = InferInput(name, list(array.shape), DATATYPES[array.dtype.name])
            inputs.append(one.set_data_from_numpy(array, binary_data=self._asked.binary))
        wanted = [InferRequestedOutput(name, binary_data=self._asked.binary) for name in self._outputs]
        body, header = InferenceServerClient.generate_request_body(inputs, wanted)
        kind = "application/json" if header is None else "application/octet-stream"
        headers = {"Content-Type": kind, **({} if header is None else {_HEADER: str(header)})}
        status, answer, length = self._exchange("POST", f"{self._model}/infer", body, headers)
        if status != 200:
            raise self._refusal(status, answer)
        result = self._result(answer, length)
        for name in self._outputs:
            try:
                array = result.as_numpy(name)
            except Exception as error:  # noqa: BLE001 - lengths and types that contradict each other, in whatever way
                raise unreachable(self._asked.address, error, self._asked.timeout_s) from None
            fill(out, name, array)

    def close(self) -> None:
        self._connection.close()

    def _result(self, answer: bytes, length: str | None) -> InferResult:
        from tritonclient.http import InferenceServerClient

        try:
            header = None if length is None else int(length)
            return InferenceServerClient.parse_response_body(answer, header_length=header)
        except Exception as error:  # noqa: BLE001 - anybody's bytes
            raise unreachable(self._asked.address, error, self._asked.timeout_s) from None

    def _told(self, path: str, kind: type[T]) -> T:
        status, body, _ = self._exchange("GET", path)
        if status != 200:
            raise self._refusal(status, body)
        try:
            return parse_json(body, kind, f"{self._asked.address.url}{path}")
        except BadFile as error:
            raise EngineError(told(str(error), self._secret)) from None

    def _refusal(self, status: int, body: bytes) -> EngineError:
        try:
            said = str(json.loads(body)["error"])
        except (ValueError, KeyError, TypeError, RecursionError):
            said = body[:500].decode(errors="replace")
        return refused(self._asked.address, status, said, self._secret)

    def _exchange(
        self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
    ) -> tuple[int, bytes, str | None]:
        """Status, body and the length of its JSON. Raises EngineError."""
        deadline = time.monotonic() + self._asked.timeout_s
        idle = self._connection.sock is not None
        try:
            try:
                response = self._ask(method, path, body, headers, deadline)
            except (ConnectionResetError, BrokenPipeError):  # the first is also http.client's for an end without a word
                if not idle:
                    raise
                self._connection.close()
                response = self._ask(method, path, body, headers, deadline)
            return response.status, self._read(response, deadline), response.getheader(_HEADER)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            ended = isinstance(error, http.client.IncompleteRead)
            why = ConnectionResetError() if ended else error
            raise unreachable(self._asked.address, why, self._asked.timeout_s) from None

    def _ask(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str] | None, deadline: float
    ) -> http.client.HTTPResponse:
        if self._connection.sock is not None:
            self._connection.sock.settimeout(max(deadline - time.monotonic(), 0.001))
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        return self._connection.getresponse()

    def _read(self, response: http.client.HTTPResponse, deadline: float) -> bytes:
        """All of it; whoever trickles is cut off at the deadline, whoever never ends at the most that may come."""
        found = bytearray()
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if self._connection.sock is not None:
                self._connection.sock.settimeout(left)
            part = response.read1(_CHUNK)
            if not part:
                break
            found += part
            if len(found) > self._most:
                self._connection.close()
                url = self._asked.address.url
                raise EngineError(f"{url} answers with over {self._most} bytes, where fewer are due.")
        if response.length:
            raise http.client.IncompleteRead(b"", response.length)
        response.read()  # nothing is left; without it the connection would not take another request
        return bytes(found)
