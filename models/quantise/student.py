"""A smaller network that imitates a workload's, brought as a file by whoever tries the gate."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from bench.models.graph import forms_of, graph_statistics
from bench.models.quantise.variants import Variant, recipe_of
from bench.models.suite import SuiteWorkload


def student_of(workload: SuiteWorkload, file: Path) -> Variant:
    """The network in `file`, by its share of the workload's operations, and declared as int8.

    Nodes that int8 leaves in float (a fixed front end, which both have) count on neither side.
    """
    share = _operations(workload, file) / _operations(workload, workload.model().path)
    return Variant(f"a student, {100 * share:.1f} % of the operations", file)


def _operations(workload: SuiteWorkload, file: Path) -> int:
    counted = graph_statistics(file, forms_of(workload.spec.inputs)).macs_by_node
    keep = recipe_of(workload).keep_float
    return sum(macs for name, macs in counted.items() if not any(fnmatchcase(name, pattern) for pattern in keep))
