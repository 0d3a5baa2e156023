"""The checks in a process of their own: an engine that crashes or hangs ends them with a verdict that says how."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import IO

import msgspec

from bench.host.engine_answers import NoMoreAnswers, answering, answers
from bench.records.conformance import ONNX_NODE, Verdict
from bench.records.plan import Setting

PATIENCE_S = 600.0  # between two verdicts; torch.compile and engines that build kernels take minutes


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to check; `workloads` empty: all that are installed; `cycles`: how often memory is taken and returned."""

    backend: str
    device: str
    workloads: tuple[str, ...] = ()
    settings: dict[str, Setting] = {}
    cycles: int = 20
    # ONNX's tests of single operators instead, from number `first_node` on
    nodes: bool = False
    first_node: int = 0
    # what the backend says when memory runs out instead
    exhaust: bool = False


class Refused(ValueError):
    """A request that names what there is not; one line."""


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    verdict: Verdict | None = None
    suite: Suite | None = None
    refused: str | None = None
    done: bool = False


class Suite(msgspec.Struct, frozen=True, kw_only=True):
    """ONNX's tests of single operators: how many there are, and those that fit the seam, by name in order."""

    tests: int
    fitting: tuple[str, ...]


def check_nodes(request: Request, patience_s: float = PATIENCE_S) -> Iterator[Suite | Verdict]:
    """The suite, then a verdict per fitting test; one that ends its process has failed, and the others go on.

    Raises Refused as `check_backend`.
    """
    suite: Suite | None = None
    done = 0
    while suite is None or done < len(suite.fitting):
        for seen in _answers(msgspec.structs.replace(request, nodes=True, first_node=done), patience_s):
            if isinstance(seen, Suite):
                if suite is None:
                    suite = seen
                    yield seen
                continue
            if suite is None:
                yield seen  # it ended before there was anything to ask
                return
            ended = seen.code == "process"
            yield msgspec.structs.replace(seen, code=ONNX_NODE, subject=suite.fitting[done]) if ended else seen
            done += 1


def check_backend(request: Request, patience_s: float = PATIENCE_S) -> Iterator[Verdict]:
    """Verdicts as they come. Raises Refused where the backend, the device or a workload cannot be had."""
    for verdict in check_answers(request, patience_s):
        yield verdict
        if verdict.code in ("device-lost", "process"):
            return
    yield from check_memory(request, patience_s)


def check_answers(request: Request, patience_s: float = PATIENCE_S) -> Iterator[Verdict]:
    """All but what it says when memory runs out; as `check_backend`."""
    for seen in _answers(request, patience_s):
        assert isinstance(seen, Verdict)
        yield seen


def check_memory(request: Request, patience_s: float = PATIENCE_S) -> Iterator[Verdict]:
    """What it says when memory runs out, in a process that need not survive it; as `check_backend`."""
    for seen in _answers(msgspec.structs.replace(request, exhaust=True), patience_s):
        assert isinstance(seen, Verdict)
        yield msgspec.structs.replace(seen, code="out-of-memory")  # the end of that process is one, too


def _answers(request: Request, patience_s: float) -> Iterator[Suite | Verdict]:
    asked = msgspec.json.encode(request).decode()
    with contextlib.closing(answers("bench.conformance.process", asked, patience_s)) as lines:
        try:
            for line in lines:
                answer = msgspec.json.decode(line, type=_Answer)
                if answer.refused is not None:
                    raise Refused(answer.refused)
                if answer.done:
                    return
                if answer.suite is not None:
                    yield answer.suite
                if answer.verdict is not None:
                    yield answer.verdict
        except NoMoreAnswers as end:
            yield Verdict(code="process", state="failed", seen=str(end))


def _check(request: Request, stream: IO[bytes]) -> None:
    from bench.backends.base import Unsupported, find_device
    from bench.backends.registry import load_backend
    from bench.conformance.nodes import examine_nodes, node_tests
    from bench.conformance.suite import examine, exhaust
    from bench.models.suite import load_workload, workload_names
    from bench.plugins import PluginError, one_line
    from bench.records.untrusted import BadFile

    def send(answer: _Answer) -> None:
        stream.write(msgspec.json.encode(answer) + b"\n")
        stream.flush()

    try:
        backend = load_backend(request.backend)
        device = find_device(backend, request.device)
        workloads = {name: load_workload(name) for name in request.workloads or workload_names()}
        if not request.workloads:  # another's network would be looked at twice
            workloads = {name: one for name, one in workloads.items() if one.spec.network_of is None}
    except (PluginError, BadFile, Unsupported) as error:
        return send(_Answer(refused=str(error)))
    except Exception as error:  # noqa: BLE001 - a driver may raise anything when it is asked for devices
        return send(_Answer(refused=f"Backend {request.backend!r} cannot list its devices: {one_line(error)}"))
    if request.nodes:
        tests, total = node_tests()
        send(_Answer(suite=Suite(tests=total, fitting=tuple(test.name for test in tests))))
        verdicts = examine_nodes(backend, device, tests[request.first_node :], request.settings)
    elif request.exhaust:
        verdicts = exhaust(backend, device, workloads, request.settings)
    else:
        verdicts = examine(backend, device, workloads, request.settings, request.cycles)
    for verdict in verdicts:
        send(_Answer(verdict=verdict))
    return send(_Answer(done=True))


def main(arguments: list[str]) -> int:
    """Entry of the process: the request, file descriptor for answers, process id of the parent."""
    asked, stream = answering(arguments)
    with stream:
        _check(msgspec.json.decode(asked, type=Request), stream)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
