"""A smaller network that imitates a workload's, brought as a file by whoever tries the gate."""

from __future__ import annotations

import tempfile
from fnmatch import fnmatchcase
from pathlib import Path

from bench.models.challenge import reference_answers, write_challenge
from bench.models.graph import forms_of, graph_statistics
from bench.models.quantise.assess import answers
from bench.models.quantise.variants import Variant, recipe_of
from bench.models.suite import SuiteWorkload
from bench.scoring.numeric import worst_sample_errors
from bench.tasks.base import ERROR_CLASS

_ASKED, _SEED = 8, 1


def student_of(workload: SuiteWorkload, file: Path) -> Variant:
    """The network in `file`, by its share of the workload's operations, and declared as int8.

    Nodes that int8 leaves in float (a fixed front end, which both have) count on neither side.
    """
    share = _operations(workload, file) / _operations(workload, workload.model().path)
    return Variant(f"a student, {100 * share:.1f} % of the operations", file)


def at_the_challenge(workload: SuiteWorkload, file: Path) -> str:
    """A sentence on how far the answers of `file` are from those of the challenge, which knows nothing of it.

    As mode `certified` asks it: the workload's graph with weights that follow from a seed, in double precision.
    """
    inputs = workload.load_inputs(_ASKED, _SEED)
    with tempfile.TemporaryDirectory() as folder:
        asked = Path(folder, "graph.onnx")
        write_challenge(workload.model().path, _SEED, asked)
        expected = reference_answers(asked, inputs, lambda: None)
    found = answers(file, lambda indices: {name: array[indices] for name, array in inputs.items()}, _ASKED)
    errors = worst_sample_errors(found, expected)
    return (
        f"At a challenge (seed {_SEED}, {_ASKED} samples), as `certified` puts it to float precisions, this student "
        f"is off by {errors.min():.2g} at least; bf16, the widest class there, allows {ERROR_CLASS['bf16']:g}."
    )


def _operations(workload: SuiteWorkload, file: Path) -> int:
    counted = graph_statistics(file, forms_of(workload.spec.inputs)).macs_by_node
    keep = recipe_of(workload).keep_float
    return sum(macs for name, macs in counted.items() if not any(fnmatchcase(name, pattern) for pattern in keep))
