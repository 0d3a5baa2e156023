"""The protocol over gRPC, by tritonclient."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from bench.backends.base import Arrays, EngineError, Model
from bench.backends.endpoint.address import TOKEN, Asked, authorities
from bench.backends.endpoint.forms import DATATYPES, Form, Served, Server, fill
from bench.backends.endpoint.words import told

T = TypeVar("T")
_REST = 1 << 20
_HINTS = {
    "UNAUTHENTICATED": f"{TOKEN} is what proves who asks",
    "PERMISSION_DENIED": f"{TOKEN} is what proves who asks",
    "UNAVAILABLE": "it is gone, closed the connection, or does not speak gRPC",
}


class GrpcWire:
    """See `Wire`."""

    def __init__(self, asked: Asked, model: Model, max_batch: int, secret: str) -> None:
        from tritonclient.grpc import InferenceServerClient

        self._asked, self._secret = asked, secret
        self._outputs = [tensor.name for tensor in model.outputs]
        due = sum(max_batch * math.prod(t.shape) * np.dtype(t.dtype).itemsize for t in model.outputs)
        channel = [
            # A session has a connection of its own, and goes to the address that was given and not by a proxy.
            ("grpc.use_local_subchannel_pool", 1),
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_receive_message_length", 4 * due + _REST),
        ]
        self._headers = {"authorization": f"Bearer {secret}"} if secret else None
        self._client = InferenceServerClient(asked.address.authority, creds=self._credentials(), channel_args=channel)

    def _credentials(self) -> object:
        if not self._asked.address.tls:
            return None
        import grpc

        return grpc.ssl_channel_credentials(root_certificates=authorities())

    def server(self) -> Server:
        found = self._call(lambda: self._client.get_server_metadata(headers=self._headers, client_timeout=self._limit))
        return Server(name=found.name, version=found.version)

    def served(self) -> Served:
        found = self._call(
            lambda: self._client.get_model_metadata(
                self._asked.model, self._asked.version, headers=self._headers, client_timeout=self._limit
            )
        )
        inputs, outputs = (
            [Form(name=one.name, datatype=one.datatype, shape=list(one.shape)) for one in side]
            for side in (found.inputs, found.outputs)
        )
        return Served(
            name=found.name, versions=list(found.versions), platform=found.platform, inputs=inputs, outputs=outputs
        )

    def ready(self) -> bool:
        return bool(
            self._call(
                lambda: self._client.is_model_ready(
                    self._asked.model, self._asked.version, headers=self._headers, client_timeout=self._limit
                )
            )
        )

    def live(self) -> None:
        self._call(lambda: self._client.is_server_live(headers=self._headers, client_timeout=self._limit))

    def infer(self, batch: Arrays, out: Arrays) -> None:
        from tritonclient.grpc import InferInput, InferRequestedOutput

        inputs = []
        for name, array in batch.items():
            one = InferInput(name, list(array.shape), DATATYPES[array.dtype.name])
            inputs.append(one.set_data_from_numpy(array))
        wanted = [InferRequestedOutput(name) for name in self._outputs]
        asked = self._asked
        result = self._call(
            lambda: self._client.infer(
                asked.model,
                inputs,
                asked.version,
                outputs=wanted,
                headers=self._headers,
                client_timeout=self._limit,
            )
        )
        for name in self._outputs:
            try:
                array = result.as_numpy(name)
            except Exception as error:  # noqa: BLE001 - lengths and types that contradict each other, in whatever way
                words = told(str(error), self._secret)
                raise EngineError(f"{asked.address.url}: the answer for {name!r} contradicts itself: {words}") from None
            fill(out, name, array)

    def close(self) -> None:
        self._client.close()

    @property
    def _limit(self) -> float:
        return self._asked.timeout_s

    def _call(self, exchange: Callable[[], T]) -> T:
        from tritonclient.utils import InferenceServerException

        try:
            return exchange()
        except InferenceServerException as error:
            raise self._failure(str(error.status() or ""), str(error.message() or "")) from None

    def _failure(self, status: str, message: str) -> EngineError:
        code, where = status.removeprefix("StatusCode."), self._asked.address.url
        if code == "DEADLINE_EXCEEDED":
            return EngineError(f"{where}: no answer within {self._limit:g} s (`--setting timeout_s=` waits longer)")
        hint = f". {_HINTS[code]}" if code in _HINTS else ""
        return EngineError(f"{where} answered with gRPC status {code}: {told(message, self._secret)}{hint}")
