"""An archive's measurements verified elsewhere, each with its own files: the same code, so the same verdicts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol  # Any: a reference to bytes that lie in the cluster

import msgspec

from bench.fleet.seam import FleetError
from bench.records.submission import Item
from bench.store.runs import RunFolder
from bench.submission.contents import Contents
from bench.submission.environment import code_sha256
from bench.submission.verifying import Each, measurement_items

PIECE = 16 << 20
"""How many bytes go into the cluster's memory at once: a timeline may be larger than a node's store."""


class TaskLost(Exception):
    """A task that came to no answer, for a reason that is nothing of the archive's."""


class Tasks(Protocol):
    """Where tasks run."""

    @property
    def most(self) -> int:
        """How many may be under way at once."""
        ...

    def put(self, piece: bytes) -> Any:
        """Lay bytes where tasks find them; gone when the reference is."""
        ...

    def start(self, task: Callable[..., bytes], *arguments: Any) -> Any:
        """Start `task(get, *arguments)` somewhere, where `get` fetches what was put."""
        ...

    def answer(self, started: Any) -> bytes:
        """Wait for what a task returns. Raises TaskLost, or FleetError for what it raised."""
        ...


def by_tasks(tasks: Tasks) -> Each:
    """Verifies measurements by `tasks`, as `bench.submission.verifying.one_by_one` does; one that is lost, here."""

    def each(contents: Contents) -> Iterator[Item]:
        names, code = list(contents.records), code_sha256()
        under_way: dict[str, Any] = {}
        for number, name in enumerate(names):
            for following in names[number : number + tasks.most]:
                if following not in under_way:
                    under_way[following] = tasks.start(
                        verify_slice, following, code, _slice(tasks, contents, following)
                    )
            try:
                answer = tasks.answer(under_way[name])
            except TaskLost:
                yield from measurement_items(contents, name)
            else:
                yield from msgspec.json.decode(answer, type=list[Item])
            under_way[name] = None  # with it goes what was laid out for it

    return each


def _slice(tasks: Tasks, contents: Contents, name: str) -> list[tuple[str, list[Any]]]:
    """What one measurement's verification reads: files of the run itself and its own, as pieces in the cluster."""
    found = []
    for path in contents.files():
        if "/" not in path or path.startswith(f"{name}/"):
            with open(contents.folder.path / path, "rb") as file:
                found.append((path, [tasks.put(piece) for piece in iter(lambda: file.read(PIECE), b"")]))
    return found


def verify_slice(
    get: Callable[[Any], bytes], name: str, code: str, files: Sequence[tuple[str, Sequence[Any]]]
) -> bytes:
    """The task: `Item`s of one measurement as JSON. Raises FleetError where the harness there is another one."""
    if code_sha256() != code:
        raise FleetError("the harness on a node is another one than here: install the same on every node")
    with tempfile.TemporaryDirectory(prefix="bench-verify-") as place:
        for path, pieces in files:
            target = Path(place) / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "wb") as file:
                for piece in pieces:
                    file.write(get(piece))
        contents = Contents(RunFolder(Path(place)))
        return msgspec.json.encode(list(measurement_items(contents, name)))
