"""Work on the OpenCL engine in a process of its own: a driver that crashes ends nothing else."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.backends.base import EngineError, find_device
from bench.host.engine_answers import NoMoreAnswers, answering, answers
from bench.records.opencl import Built, Trace
from bench.records.plan import Setting

if TYPE_CHECKING:
    from bench.backends.base import Model
    from bench.backends.opencl.device import Found

PATIENCE_S = 1800.0  # a driver may compile for long, and says nothing meanwhile


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with which network: `model` is the name of a workload, or a file.

    With `folder` programs are built for the batch sizes and written there; without it the first batch is traced.
    """

    model: str
    device: str
    batches: tuple[int, ...]
    rounds: int = 1
    settings: dict[str, Setting] = {}
    folder: str | None = None


class Refused(ValueError):
    """A request that cannot be met here; one line."""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    trace: Trace | None = None
    built: Built | None = None
    refused: str | None = None


def traced(request: Request) -> Trace:
    """Raises Refused."""
    answer = _asked(request)
    assert answer.trace is not None
    return answer.trace


def built(request: Request) -> Built:
    """Raises Refused."""
    answer = _asked(request)
    assert answer.built is not None
    return answer.built


def _asked(request: Request) -> _Answer:
    with contextlib.closing(
        answers("bench.opencl.process", msgspec.json.encode(request).decode(), PATIENCE_S)
    ) as lines:
        try:
            answer = msgspec.json.decode(next(lines), type=_Answer)
        except (NoMoreAnswers, StopIteration) as end:
            raise Refused(f"OpenCL's driver ended the process: {end}.") from end
    if answer.refused is not None:
        raise Refused(answer.refused)
    return answer


def _answer(request: Request) -> _Answer:
    from bench.plugins import PluginError, one_line
    from bench.records.untrusted import BadFile

    try:
        model = _model(request.model)
        found = _found(request.device)
        return (
            _Answer(built=_build(request, model, found))
            if request.folder
            else _Answer(trace=_trace(request, model, found))
        )
    except (PluginError, BadFile, EngineError, ValueError) as error:
        return _Answer(refused=one_line(error) if not str(error) else " ".join(str(error).split()))


def _model(name: str) -> Model:
    """A workload's network, or that of a file. Raises PluginError, BadFile or BadModel (a ValueError)."""
    from bench.models.suite import load_workload
    from bench.models.user_model import UserWorkload

    return UserWorkload(Path(name), None).model() if name.endswith(".onnx") else load_workload(name).model("fp32")


def _found(address: str) -> Found:
    from bench.backends.opencl.backend import BACKEND
    from bench.backends.opencl.device import look_up

    return look_up(find_device(BACKEND, address), None)


def _trace(request: Request, model: Model, found: Found) -> Trace:
    from bench.backends.base import Options
    from bench.backends.opencl.tracing import trace

    options = Options(precision="fp32", max_batch=request.batches[0], workers=1, threads=1, settings=request.settings)
    return trace(model, found, options, request.rounds)


def _build(request: Request, model: Model, found: Found) -> Built:
    from bench.backends.opencl.building import build

    assert request.folder is not None
    return build(model, found, request.batches, Path(request.folder))


if __name__ == "__main__":
    asked, stream = answering(sys.argv[1:])
    with stream:
        stream.write(msgspec.json.encode(_answer(msgspec.json.decode(asked, type=Request))) + b"\n")
