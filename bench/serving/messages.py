"""The protocol's messages over HTTP, on the server's side: JSON, with tensors in it or as bytes behind it."""

from __future__ import annotations

from typing import Any  # numbers in nested lists, as JSON has them

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.endpoint.forms import DATATYPES
from bench.serving.served import VERSION, BadRequest, Named

_DTYPES = {datatype: np.dtype(name) for name, datatype in DATATYPES.items()}


class _Parameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    binary_data_size: int | None = None
    binary_data: bool | None = None
    binary_data_output: bool | None = None


class _Tensor(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    datatype: str = ""
    shape: tuple[int, ...] = ()
    parameters: _Parameters = _Parameters()
    data: Any = None


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """An inference request; tensors without `data` lie behind it."""

    inputs: list[_Tensor]
    outputs: list[_Tensor] = []
    id: str = ""
    parameters: _Parameters = _Parameters()


class _Response(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    model_name: str
    model_version: str
    outputs: list[_Tensor]
    id: str = ""


def read_request(body: bytes, header: str | None) -> tuple[Request, Named]:
    """A request and its arrays; `header` is the length of the JSON where bytes follow it. Raises BadRequest."""
    length = len(body) if header is None else int(header) if header.isdecimal() else -1
    if not 0 <= length <= len(body):
        raise BadRequest("Inference-Header-Content-Length is no length within the body")
    try:
        request = msgspec.json.decode(body[:length], type=Request)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadRequest(f"no inference request: {error}") from None
    arrays: Named = {}
    for tensor in request.inputs:
        if tensor.name in arrays:
            raise BadRequest(f"input {tensor.name!r} comes twice")
        size = tensor.parameters.binary_data_size
        if size is not None and not 0 <= size <= len(body) - length:
            raise BadRequest(f"input {tensor.name!r} should have {size} bytes, more than came")
        arrays[tensor.name] = array_of(tensor.name, tensor.datatype, tensor.shape, tensor.data, body, length, size)
        length += size or 0
    return request, arrays


def array_of(
    name: str, datatype: str, shape: tuple[int, ...], data: object, body: bytes, first: int, size: int | None
) -> NDArray[np.generic]:
    """A tensor of `size` bytes of `body` from `first` on, or of the numbers in `data`. Raises BadRequest."""
    if datatype not in _DTYPES:
        raise BadRequest(f"input {name!r} has an unknown type {datatype!r}")
    dtype = _DTYPES[datatype]
    try:
        raw = memoryview(body)[first : first + (size or 0)]
        found = np.asarray(data, dtype) if size is None else np.frombuffer(raw, dtype)
        if any(length < 0 for length in shape):  # numpy would take -1 for whatever is left
            raise ValueError("a negative length")
        return found.reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise BadRequest(f"input {name!r}: {error}") from None


def write_response(name: str, request: Request, answers: Named) -> tuple[bytes, int | None]:
    """The body, and the length of its JSON where bytes follow it; each output in the form that was asked for."""
    wanted = {tensor.name: tensor.parameters.binary_data for tensor in request.outputs} or dict.fromkeys(answers)
    unknown = set(wanted) - set(answers)
    if unknown:
        raise BadRequest(f"there is no output {min(unknown)!r}; there are {', '.join(answers)}")
    told, behind = [], []
    for output, binary in wanted.items():
        array = answers[output]
        form: dict[str, Any] = {
            "name": output,
            "datatype": DATATYPES[array.dtype.name],
            "shape": array.shape,
        }
        if binary if binary is not None else request.parameters.binary_data_output:
            behind.append(array.tobytes())
            told.append(_Tensor(**form, parameters=_Parameters(binary_data_size=len(behind[-1]))))
        else:
            told.append(_Tensor(**form, data=array.ravel().tolist()))
    head = msgspec.json.encode(_Response(model_name=name, model_version=VERSION, outputs=told, id=request.id))
    return (b"".join([head, *behind]), len(head)) if behind else (head, None)
