"""A workload package from the template, one for each test, to be spoilt in one way and looked at in this process."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper

from bench.authoring.check import examine
from bench.authoring.data import fingerprint
from bench.authoring.new import write_workload
from bench.authoring.process import PATIENCE_S, check_workload
from bench.models.suite import SuiteWorkload
from bench.records.workload_check import Remark, WorkloadVerdict

_NUMBERS = itertools.count()


class Package:
    """A new package, ways to change its files, and the verdicts on it."""

    def __init__(self, folder: Path) -> None:
        self.name = f"mine{next(_NUMBERS)}"  # modules are imported once in a process
        self.project = folder / "project"
        write_workload(self.name, self.project)
        self.folder = self.project / f"bench_workload_{self.name}"
        self.registered: str | None = None

    def edit(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text(encoding="utf-8")
        assert old in text, f"{file} has no {old!r}"
        (self.folder / file).write_text(text.replace(old, new), encoding="utf-8")

    def add(self, file: str, text: str) -> None:
        with open(self.folder / file, "a", encoding="utf-8") as opened:
            opened.write(f"\n{text}\n")

    def change_graph(self, change: Callable[[ModelProto], None]) -> None:
        model = onnx.load(self.folder / "graph.onnx")
        change(model)
        (self.folder / "graph.onnx").write_bytes(model.SerializeToString())

    def change_weights(self, change: Callable[[np.ndarray], None]) -> None:
        def changed(model: ModelProto) -> None:
            (tensor,) = model.graph.initializer
            array = numpy_helper.to_array(tensor).copy()
            change(array)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))

        self.change_graph(changed)

    def verdicts(self) -> list[WorkloadVerdict]:
        def elsewhere() -> str:
            return fingerprint(SuiteWorkload(sys.modules[self.folder.name]))

        return list(examine(self.folder.name, self.project, self.registered, elsewhere))

    def verdicts_apart(self, patience_s: float = PATIENCE_S) -> list[WorkloadVerdict]:
        return list(check_workload(str(self.project), patience_s))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Package]:
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield Package(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith("bench_workload_mine"):
            del sys.modules[name]


def faults(verdicts: list[WorkloadVerdict]) -> dict[str, list[Remark]]:
    """What is wrong, by check."""
    assert all((verdict.state == "failed") == any(remark.wrong for remark in verdict.remarks) for verdict in verdicts)
    return {v.check: [remark for remark in v.remarks if remark.wrong] for v in verdicts if v.state == "failed"}
