"""Brings up to date what follows from a workload's graph and data: the figures of `workload.toml`, the reference."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import msgspec

from bench.authoring.graph import load_graph
from bench.authoring.reference import write_reference
from bench.authoring.subject import SPECIFICATION, BadWorkload, find_package, import_package
from bench.models.base import WorkloadSpec
from bench.models.graph import forms_of, graph_statistics, model_hash
from bench.models.soundness import data_elsewhere
from bench.models.suite import SuiteWorkload
from bench.plugins import one_line
from bench.store.files import write_bytes

_TABLE = re.compile(r"\s*\[+\s*([^\]]*?)\s*\]+")
_ENTRY = re.compile(r"(\s*(\w+)\s*=\s*)([^#\n]*?)(\s*(?:#.*)?\n?)")

Figures = dict[str, str | int]


class Refreshed(msgspec.Struct, frozen=True, kw_only=True):
    """Figures as they are now, those that changed, and the metric of the reference (None: no labels)."""

    package: Path
    figures: Figures
    changed: tuple[str, ...]
    value: float | None
    target: float | None


def refresh(asked: str, observe: Callable[[int, int], None]) -> Refreshed:
    """Compute and write them; `observe` is called with the samples answered and all of them. Raises BadWorkload."""
    name, root = find_package(asked)
    try:
        return _refresh(import_package(name, root), observe)
    except (BadWorkload, OSError):
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the author's code, and onnx on the author's file, may raise anything
        raise BadWorkload(f"{name}: cannot be brought up to date: {one_line(error)}") from None


def _refresh(package: ModuleType, observe: Callable[[int, int], None]) -> Refreshed:
    workload = SuiteWorkload(package)
    if (lender := workload.spec.network_of) is not None:
        raise BadWorkload(f"{workload.spec.name} has the network of {lender}; bring that one up to date.")
    file, declared = workload.folder / SPECIFICATION, workload.spec.model
    figures = _figures(workload.folder / declared.graph, workload.spec)
    changed = tuple(field for field, value in figures.items() if getattr(declared, field) != value)
    if changed:
        text = rewritten(file.read_text(encoding="utf-8"), figures)
        write_bytes(file, text.encode())
        workload = SuiteWorkload(package)
        left = [field for field, value in figures.items() if getattr(workload.spec.model, field) != value]
        if left:
            asked = ", ".join(f"{field} = {figures[field]!r}" for field in left)
            raise BadWorkload(f"{file}: write this under [model] yourself: {asked}")
    value = write_reference(workload, workload.folder, observe)
    return Refreshed(
        package=workload.folder, figures=figures, changed=changed, value=value, target=workload.spec.quality.target
    )


def _figures(graph: Path, spec: WorkloadSpec) -> Figures:
    model = load_graph(graph)
    for tensor in data_elsewhere(model, graph.parent):
        raise BadWorkload(f"{graph}: the data of tensor {tensor.tensor!r} ({tensor.location}): {tensor.why}.")
    counted = graph_statistics(graph, forms_of(spec.inputs))
    return {
        "model_hash": model_hash(graph),
        "opset": max((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0),
        "parameters": counted.parameters,
        "macs_per_sample": counted.macs_per_sample,
    }


def rewritten(text: str, figures: Figures) -> str:
    """A `workload.toml` with other values for entries of `[model]` that stand on a line each; all else stays."""
    lines, table = [], ""
    for line in text.splitlines(keepends=True):
        opened = _TABLE.match(line)
        entry = _ENTRY.fullmatch(line)
        if opened is not None:
            table = opened[1]
        elif table == "model" and entry is not None and entry[2] in figures:
            value = figures[entry[2]]
            line = f"{entry[1]}{msgspec.json.encode(value).decode()}{entry[4]}"
        lines.append(line)
    return "".join(lines)
