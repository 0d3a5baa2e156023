"""An archive verified by tasks: to the last byte what one process says, also of forgeries and where tasks are lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.fleet import verifying
from bench.fleet.seam import FleetError
from bench.fleet.verifying import TaskLost, by_tasks
from bench.store.runs import RunFolder
from bench.submission.packing import pack
from bench.submission.redaction import Redaction
from bench.submission.verifying import verify as verify_here

from ..submission.conftest import haste, kept  # noqa: F401 - fixtures

SMALL = 1000


class InProcess:
    """Tasks that are run when they are started; those of `lost` come to no answer."""

    def __init__(self, most: int = 2, lost: tuple[str, ...] = ()) -> None:
        self.most, self._lost = most, lost
        self.under_way = self.most_under_way = 0
        self.largest = 0
        self.started: list[str] = []

    def put(self, piece: bytes) -> bytes:
        self.largest = max(self.largest, len(piece))
        return piece

    def start(self, task: Callable[..., bytes], *arguments: Any) -> tuple[str, bytes]:
        self.started.append(arguments[0])
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        return arguments[0], task(lambda piece: piece, *arguments)

    def answer(self, started: tuple[str, bytes]) -> bytes:
        self.under_way -= 1
        name, found = started
        if name in self._lost:
            raise TaskLost("the node is gone")
        return found


def verdicts(archive: Path, tasks: InProcess | None) -> bytes:
    from bench.submission.verifying import examine

    if tasks is None:
        return msgspec.json.encode(verify_here(archive, None, unsigned=True))
    return msgspec.json.encode(examine(archive, None, unsigned=True, each=by_tasks(tasks)).found)


@pytest.fixture
def archive(kept: RunFolder, tmp_path: Path) -> Path:  # noqa: F811
    pack(kept, tmp_path / "run.tar", Redaction(()))
    return tmp_path / "run.tar"


@pytest.mark.parametrize("lost", [(), ("user_model.server.fp32",)])
def test_tasks_say_what_one_process_says(archive: Path, lost: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "PIECE", SMALL)
    tasks = InProcess(lost=lost)
    assert verdicts(archive, tasks) == verdicts(archive, None)
    assert tasks.started == ["user_model.single_stream.fp32", "user_model.server.fp32"]
    assert tasks.largest == SMALL


def test_no_more_is_laid_out_than_may_be_under_way(archive: Path) -> None:
    tasks = InProcess(most=1)
    assert verdicts(archive, tasks) == verdicts(archive, None)
    assert tasks.most_under_way == 1


def test_forged_figures_are_found_by_tasks_too(kept: RunFolder, tmp_path: Path) -> None:  # noqa: F811
    import shutil

    forged = RunFolder(Path(shutil.copytree(kept.path, tmp_path / kept.path.name)))
    name = "user_model.server.fp32"
    (record,) = (one for one in forged.load_records() if one.measurement.name == name)
    better = msgspec.structs.replace(record.metrics["latency_p99_ns"], value=1.0)
    forged.keep_record(msgspec.structs.replace(record, metrics={**record.metrics, "latency_p99_ns": better}))
    pack(forged, tmp_path / "forged.tar", Redaction(()))
    found = verdicts(tmp_path / "forged.tar", InProcess())
    assert found == verdicts(tmp_path / "forged.tar", None)
    assert b'"violates"' in found


def test_another_harness_on_a_node_gives_no_verdict(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    codes = iter(["here", "there"])
    monkeypatch.setattr(verifying, "code_sha256", lambda: next(codes))
    with pytest.raises(FleetError, match="another one"):
        verdicts(archive, InProcess())
