"""Work on the OpenCL engine in a process of its own: a driver that crashes ends nothing else."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.backends.base import EngineError, Options, find_device
from bench.backends.checks import check_precision
from bench.host.engine_answers import NoMoreAnswers, answering, answers
from bench.records.opencl import Built, Trace, Tuned
from bench.records.plan import Precision, Setting

if TYPE_CHECKING:
    from bench.backends.base import Model
    from bench.backends.opencl.device import Found

PATIENCE_S = 1800.0  # a driver may compile for long, and says nothing meanwhile


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to do with which network in which precision: `model` is the name of a workload, or a file.

    With `folder` programs are built for the batch sizes and written there; with `tune` tiles are tuned for each of
    them, within `budget_s` in all, and kept for this device, or in the file `table`; with neither the first is traced.
    """

    model: str
    device: str
    batches: tuple[int, ...]
    rounds: int = 1
    precision: Precision = "fp32"
    settings: dict[str, Setting] = {}
    folder: str | None = None
    tune: bool = False
    table: str | None = None
    budget_s: float = 20.0


class Refused(ValueError):
    """A request that cannot be met here; one line."""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    trace: Trace | None = None
    built: Built | None = None
    tuned: tuple[Tuned, ...] = ()
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


def tuned(request: Request) -> tuple[Tuned, ...]:
    """What came of each batch size. Raises Refused."""
    return _asked(request).tuned


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
        model = _model(request.model, request.precision)
        found = _found(request.device)
        check_precision("opencl", found.device, _options(request))
        if request.folder is not None:
            return _Answer(built=_build(request, model, found, Path(request.folder)))
        if request.tune:
            return _Answer(tuned=_tune(request, model, found))
        return _Answer(trace=_trace(request, model, found))
    except (PluginError, BadFile, EngineError, ValueError) as error:
        return _Answer(refused=one_line(error) if not str(error) else " ".join(str(error).split()))


def _model(name: str, precision: Precision) -> Model:
    """A workload's network, or that of a file. Raises PluginError, BadFile or BadModel (a ValueError)."""
    from bench.models.suite import load_workload
    from bench.models.user_model import UserWorkload

    return UserWorkload(Path(name), None).model() if name.endswith(".onnx") else load_workload(name).model(precision)


def _found(address: str) -> Found:
    from bench.backends.opencl.backend import BACKEND
    from bench.backends.opencl.device import look_up

    return look_up(find_device(BACKEND, address), None)


def _options(request: Request) -> Options:
    return Options(
        precision=request.precision, max_batch=request.batches[0], workers=1, threads=1, settings=request.settings
    )


def _trace(request: Request, model: Model, found: Found) -> Trace:
    from bench.backends.opencl.tables import tiles_of
    from bench.backends.opencl.tracing import trace

    return trace(model, found, _options(request), request.rounds, tiles_of(request.settings, found))


def _tune(request: Request, model: Model, found: Found) -> tuple[Tuned, ...]:
    """What came of each batch size; a file that is there already is added to."""
    from bench.backends.opencl.tables import keep, read_table, write_table
    from bench.backends.opencl.tuning import tune

    came_to: list[Tuned] = []
    for batch in request.batches:
        options = msgspec.structs.replace(_options(request), max_batch=batch)
        share = request.budget_s / len(request.batches)
        table, one = tune(model, found, options, share, request.rounds)
        if request.table is None:
            path = keep(table, found)
        else:
            path = Path(request.table)
            write_table(table.with_older(read_table(path, found) if path.exists() else None), path)
        came_to.append(msgspec.structs.replace(one, file=str(path)))
    return tuple(came_to)


def _build(request: Request, model: Model, found: Found, folder: Path) -> Built:
    from bench.backends.opencl.building import build
    from bench.backends.opencl.tables import tiles_of

    tiles = tiles_of(request.settings, found)
    return build(model, found, _options(request), request.batches, folder, tiles)


if __name__ == "__main__":
    asked, stream = answering(sys.argv[1:])
    with stream:
        stream.write(msgspec.json.encode(_answer(msgspec.json.decode(asked, type=Request))) + b"\n")
