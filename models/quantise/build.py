"""From a workload and a recipe to its int8 file, by calibration samples alone."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import onnx

from bench.models.base import NamedArrays
from bench.models.quantise.ranges import METHODS, activation_ranges
from bench.models.quantise.rewrite import OPERATORS, in_qdq_form, write
from bench.models.quantise.storage import unfold
from bench.models.suite import SuiteWorkload

FILE = "graph.int8.onnx"
# Histograms take the activations of a whole batch into memory: 100 MB a sample for ResNet-50.
_BATCH = 4


class BadRecipe(ValueError):
    """A recipe that cannot be followed; one line."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How ranges are found, on how many calibration samples, and which nodes stay in float (patterns of names)."""

    method: str = "minmax"
    samples: int = 256
    keep_float: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise BadRecipe(f"There is no method {self.method!r}; known: {', '.join(METHODS)}.")
        if self.samples < 1:
            raise BadRecipe(f"{self.samples} calibration samples are none to calibrate on.")


def build(workload: SuiteWorkload, recipe: Recipe, target: Path, per_channel: bool = True) -> None:
    """Write the workload's network in int8 to `target`, which must lie beside its weights. Raises BadRecipe."""
    unfolded = unfold(workload.model().path)
    names = [node.name for node in unfolded.model.graph.node]
    for pattern in recipe.keep_float:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise BadRecipe(f"No node of {workload.spec.name} is called {pattern!r}, which is to stay in float.")
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder, "plain.onnx")
        onnx.save(unfolded.model, plain)
        batches = _batches(workload.calibration_inputs(recipe.samples), recipe.samples)
        ranges = activation_ranges(plain, batches, recipe.method, OPERATORS, Path(folder))
    write(in_qdq_form(unfolded, ranges, recipe.keep_float, per_channel), target)


def _batches(inputs: NamedArrays, samples: int) -> Iterator[NamedArrays]:
    for first in range(0, samples, _BATCH):
        yield {name: array[first : first + _BATCH] for name, array in inputs.items()}
