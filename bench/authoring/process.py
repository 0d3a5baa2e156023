"""The checks in a process of their own: a workload's code and files are anybody's, and may crash, hang or leave."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.authoring.subject import find_package
from bench.host.engine_answers import NoMoreAnswers, answering, answers
from bench.records.workload_check import WorkloadVerdict, wrong

PATIENCE_S = 600.0  # between two verdicts
_FINGERPRINT = "--fingerprint"


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    package: str
    root: str | None
    registered: str | None


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    verdict: WorkloadVerdict | None = None


def check_workload(asked: str, patience_s: float = PATIENCE_S) -> Iterator[WorkloadVerdict]:
    """Verdicts as they come on an installed workload, by name, or on a folder. Raises BadWorkload."""
    package, root = find_package(asked)
    request = _Request(
        package=package, root=None if root is None else str(root), registered=asked if root is None else None
    )
    text = msgspec.json.encode(request).decode()
    with contextlib.closing(answers("bench.authoring.process", text, patience_s)) as lines:
        try:
            for line in lines:
                verdict = msgspec.json.decode(line, type=_Answer).verdict
                if verdict is None:
                    return
                yield verdict
        except NoMoreAnswers as end:
            yield WorkloadVerdict(check="process", state="failed", remarks=(wrong("process-ended", how=end),))


def _elsewhere(request: str) -> str:
    """The fingerprint from a process that hashes otherwise, so that an order of sets that got into the data shows."""
    command = [sys.executable, "-P", "-m", "bench.authoring.process", _FINGERPRINT, request]
    environment = {**os.environ, "PYTHONHASHSEED": "20251125"}
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.stdout.decode(errors="replace").strip().rpartition("\n")[2]


def _fingerprint(request: _Request) -> None:
    from bench.authoring.data import fingerprint
    from bench.authoring.subject import import_package
    from bench.models.suite import SuiteWorkload

    package = import_package(request.package, Path(request.root) if request.root else None)
    sys.stdout.write(f"\n{fingerprint(SuiteWorkload(package))}\n")


def _check(text: str, request: _Request) -> Iterator[_Answer]:
    from bench.authoring.check import examine

    root = Path(request.root) if request.root else None
    for verdict in examine(request.package, root, request.registered, lambda: _elsewhere(text)):
        yield _Answer(verdict=verdict)
    yield _Answer()


def main(arguments: list[str]) -> int:
    """Entry of the process: the request, file descriptor for answers, process id of the parent; or a fingerprint."""
    if arguments[0] == _FINGERPRINT:
        _fingerprint(msgspec.json.decode(arguments[1], type=_Request))
        return 0
    text, stream = answering(arguments)
    with stream:
        for answer in _check(text, msgspec.json.decode(text, type=_Request)):
            stream.write(msgspec.json.encode(answer) + b"\n")
            stream.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
