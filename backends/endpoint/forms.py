"""What a server says that it serves, and whether that is the workload's model."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Arrays, EngineError, Model, Tensor, Unsupported

# Element types of the protocol by numpy's names.
DATATYPES = {
    "bool": "BOOL",
    **{f"uint{bits}": f"UINT{bits}" for bits in (8, 16, 32, 64)},
    **{f"int{bits}": f"INT{bits}" for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
}


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """A tensor as a server declares it; the first axis is the batch's, -1 is any length."""

    name: str
    datatype: str
    shape: list[int] = []


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A model as a server declares it; without inputs or outputs where it does not tell."""

    name: str = ""
    versions: list[str] | None = None
    platform: str = ""
    inputs: list[Form] | None = None
    outputs: list[Form] | None = None


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """A server as it names itself."""

    name: str = ""
    version: str = ""


def check_served(served: Served, model: Model, max_batch: int) -> None:
    """Whether what is served takes and gives the model's tensors, as far as it is told. Raises Unsupported."""
    for what, told, due in (("input", served.inputs, model.inputs), ("output", served.outputs, model.outputs)):
        if told:
            _check_side(served.name, what, told, due, max_batch)
    extra = {form.name for form in served.inputs or ()} - {tensor.name for tensor in model.inputs}
    if served.inputs and extra:
        raise Unsupported(f"The served {served.name!r} wants an input {min(extra)!r}, which the workload has not.")


def _check_side(model: str, what: str, told: Sequence[Form], due: Sequence[Tensor], max_batch: int) -> None:
    by_name = {form.name: form for form in told}
    for tensor in due:
        form = by_name.get(tensor.name)
        if form is None:
            there = ", ".join(sorted(by_name)[:8])
            raise Unsupported(
                f"The served {model!r} has no {what} {tensor.name!r}; it has {there}. "
                "Is it this workload's model? `--setting model=NAME` asks for another."
            )
        shape = (-1, *tensor.shape)
        fits = len(form.shape) == len(shape) and all(
            a in (-1, b) for a, b in zip(form.shape[1:], shape[1:], strict=True)
        )
        if form.datatype != DATATYPES[tensor.dtype] or not fits:
            raise Unsupported(
                f"The served {model!r} declares {what} {tensor.name!r} as {form.datatype}{form.shape}; "
                f"the workload's is {DATATYPES[tensor.dtype]}{list(shape)}."
            )
        if form.shape[0] not in (-1, max_batch):
            raise Unsupported(
                f"The served {model!r} takes batches of {form.shape[0]}; {max_batch} is asked for (`--batch`)."
            )


def fill(out: Arrays, name: str, answer: NDArray[np.generic] | None) -> None:
    """Copy an answer into its place. Raises EngineError where it is none or has another form."""
    due = out[name]
    if answer is None:
        raise EngineError(f"the server's answer lacks the output {name!r}")
    if answer.dtype != due.dtype or answer.shape != due.shape:
        came, wanted = (f"{one.dtype}{list(one.shape)}" for one in (answer, due))
        raise EngineError(f"the server answered {name!r} as {came}; due is {wanted}")
    np.copyto(due, answer)
