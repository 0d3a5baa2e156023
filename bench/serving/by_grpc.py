"""The protocol over gRPC: grpcio carries it, tritonclient has its messages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn  # Any: messages that are generated without types

import numpy as np

from bench.backends.base import EngineError
from bench.backends.endpoint.forms import DATATYPES
from bench.plugins import one_line
from bench.serving.messages import array_of
from bench.serving.served import VERSION, BadRequest, Named, Served, server_metadata

_BESIDE = 8  # threads for questions beside those that wait for a session


def grpc_server(served: Served, address: str, certificate: tuple[bytes, bytes] | None) -> Any:
    """A server that listens at `address` (HOST:PORT) and the port that it got; `start()` and `stop()` are grpcio's.

    `certificate`: key and chain in PEM. Raises OSError where the address cannot be had.
    """
    import grpc
    from tritonclient.grpc import service_pb2_grpc

    options = [
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
    ]
    server = grpc.server(ThreadPoolExecutor(2 * served.options.workers + _BESIDE), options=options)
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(_servicer(served), server)
    try:
        if certificate is None:
            port = server.add_insecure_port(address)
        else:
            port = server.add_secure_port(address, grpc.ssl_server_credentials([certificate]))
    except RuntimeError as error:
        raise OSError(f"gRPC cannot listen at {address}: {next(iter(str(error).splitlines()), '')}") from None
    return server, port


def _servicer(served: Served) -> object:
    import grpc
    from tritonclient.grpc import service_pb2, service_pb2_grpc

    def refuse(context: Any, code: str, why: str) -> NoReturn:
        context.abort(getattr(grpc.StatusCode, code), why)
        raise AssertionError  # abort raises

    def check(context: Any, name: str | None = None, version: str = "") -> None:
        if not served.allows(dict(context.invocation_metadata()).get("authorization")):
            refuse(context, "UNAUTHENTICATED", "a token is due, and this is not it")
        if name not in (None, served.name) or version not in ("", VERSION):
            refuse(context, "NOT_FOUND", f"the model here is {served.name!r}, version {VERSION}")

    class Servicer(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # it has no types
        def ServerLive(self, request: Any, context: Any) -> Any:
            check(context)
            return service_pb2.ServerLiveResponse(live=True)

        def ServerReady(self, request: Any, context: Any) -> Any:
            check(context)
            return service_pb2.ServerReadyResponse(ready=True)

        def ModelReady(self, request: Any, context: Any) -> Any:
            check(context, request.name, request.version)
            return service_pb2.ModelReadyResponse(ready=True)

        def ServerMetadata(self, request: Any, context: Any) -> Any:
            check(context)
            return service_pb2.ServerMetadataResponse(**server_metadata())

        def ModelMetadata(self, request: Any, context: Any) -> Any:
            check(context, request.name, request.version)
            return service_pb2.ModelMetadataResponse(**served.metadata())

        def ModelInfer(self, request: Any, context: Any) -> Any:
            check(context, request.model_name, request.model_version)
            try:
                return _response(served, request, served.answer(_batch(request)))
            except BadRequest as error:
                refuse(context, "INVALID_ARGUMENT", str(error))
            except EngineError as error:
                refuse(context, "INTERNAL", str(error))
            except Exception as error:  # noqa: BLE001 - an engine may raise anything, and the next request is another
                refuse(context, "INTERNAL", one_line(error))

    return Servicer()


def _batch(request: Any) -> Named:
    """Arrays of a request, whose tensors come as bytes. Raises BadRequest."""
    if len(request.raw_input_contents) != len(request.inputs):
        raise BadRequest("each input comes as bytes, in raw_input_contents")
    found: Named = {}
    for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True):
        if tensor.name in found:
            raise BadRequest(f"input {tensor.name!r} comes twice")
        found[tensor.name] = array_of(tensor.name, tensor.datatype, tuple(tensor.shape), None, raw, 0, len(raw))
    return found


def _response(served: Served, request: Any, answers: Named) -> Any:
    from tritonclient.grpc import service_pb2

    response = service_pb2.ModelInferResponse(model_name=served.name, model_version=VERSION, id=request.id)
    for name in [output.name for output in request.outputs] or list(answers):
        if name not in answers:
            raise BadRequest(f"there is no output {name!r}; there are {', '.join(answers)}")
        array = answers[name]
        response.outputs.add(name=name, datatype=DATATYPES[array.dtype.name], shape=array.shape)
        response.raw_output_contents.append(np.ascontiguousarray(array).tobytes())
    return response
