"""Figures of `workload.toml` that are computed, never typed: written into the file, whose other lines are by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from bench.models.graph import graph_statistics, model_hash

_TARGET_SHARE = 0.99


def target(value: float) -> float:
    """The absolute target: 99 % of the reference's `value`, rounded down to three digits."""
    return math.floor(value * _TARGET_SHARE * 1000) / 1000


def graph_figures(graph: Path, forms: Mapping[str, Sequence[int]] = MappingProxyType({})) -> dict[str, str]:
    """Lines that the network's file gives, as `put_figures` takes them; `forms` as `graph_statistics` takes them."""
    statistics = graph_statistics(graph, forms)
    return {
        "model_hash = ": f'"{model_hash(graph)}"',
        "parameters = ": f"{statistics.parameters}",
        "macs_per_sample = ": f"{statistics.macs_per_sample}",
    }


def quality_figures(value: float, samples: int) -> dict[str, str]:
    """Lines that the reference's `value` on `samples` evaluation samples gives."""
    return {
        "target = ": f"{target(value)}",
        "evaluation_samples = ": f"{samples}",
    }


def trained_today(workload: str) -> dict[str, str]:
    """The line that says when the weights were trained."""
    beginning = f'weights = "trained from random weights by models/{workload}/train.py ('
    return {beginning: f'{datetime.now(UTC).date().isoformat()}); see card.md"'}


def put_figures(path: Path, figures: Mapping[str, str]) -> None:
    """Replace what stands behind each beginning of a line. Raises ValueError unless exactly one line begins so.

    Lines of the table `[int8]` are another tool's (`bench.models.quantise`).
    """
    lines = path.read_text(encoding="utf-8").split("\n")
    ours = _outside(lines, "[int8]")
    for beginning, figure in figures.items():
        places = [place for place in ours if lines[place].startswith(beginning)]
        if len(places) != 1:
            raise ValueError(f"{path.name} has {len(places)} lines that begin with `{beginning}`; expected one")
        lines[places[0]] = beginning + figure
    path.write_text("\n".join(lines), encoding="utf-8")


def _outside(lines: Sequence[str], table: str) -> list[int]:
    """Places of the lines that do not stand in `table`."""
    places, inside = [], False
    for place, line in enumerate(lines):
        if line.startswith("["):
            inside = line.strip() == table
        if not inside:
            places.append(place)
    return places
