"""Has the quality gate teeth? `python -m bench.models.quantise.gate NAME` tries what a vendor might do to the network.

Each variant answers the whole evaluation set in onnxruntime and is held to class q99 and to the error class of the
precision that it is declared as. The table goes into card.md, between its two marks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.backends.base import Unsupported
from bench.models.base import NamedArrays
from bench.models.cards import put_table
from bench.models.quantise.assess import Assessed, Indices, answered, assessed
from bench.models.quantise.student import at_the_challenge, student_of
from bench.models.quantise.variants import Variant, variants
from bench.models.suite import SuiteWorkload, load_workload
from bench.plugins import PluginError
from bench.records.untrusted import BadFile
from bench.tasks import TASKS
from bench.tasks.error_class import ErrorClass


@dataclass(frozen=True, slots=True)
class Tried:
    """A variant, what became of it, and the error class that it is held to."""

    variant: Variant
    found: Assessed
    kind: ErrorClass

    @property
    def passed(self) -> bool | None:
        """The verdict of a run: by its answers and by its numbers; None where the answers are too few to judge."""
        return self.found.verdict.passed if self.kind.holds(self.found.error) else False

    def row(self) -> str:
        """One line of the table."""
        verdict, error = self.found.verdict, self.found.error
        fails = [what for what, held in (("quality", verdict.passed), ("numbers", self.kind.holds(error))) if not held]
        said = f"**no**: {' and '.join(fails)}" if self.passed is False else "yes" if self.passed else "not judged"
        figure = "median" if self.kind.by_median else "worst"
        return (
            f"| {self.variant.name} | {verdict.value:.4f} ({verdict.interval.low:.4f} to {verdict.interval.high:.4f}) "
            f"| {self.found.agreement:.4f} | {self.found.loss_at_most:.4f} (allowed {-verdict.allowance:.4f}) "
            f"| {figure} {self.kind.seen(error):.2g} ({self.kind.precision}: {self.kind.limit:.2g}) | {said} |"
        )


def measure(workload: SuiteWorkload, student: Path | None = None, count: int | None = None) -> Iterator[Tried]:
    """Each variant, and a student network if given, judged on the first `count` evaluation samples, or on all."""
    whole = workload.spec.quality.evaluation_samples
    inputs = workload.evaluation_inputs(np.arange(min(count or whole, whole)))
    for variant in _networks(workload, student):
        yield judged(workload, variant, inputs)


def judged(workload: SuiteWorkload, variant: Variant, inputs: NamedArrays) -> Tried:
    """What the gate makes of one network that answers `inputs`, the first of the evaluation samples."""
    reference = workload.reference()
    if reference is None:
        raise Unsupported(f"{workload.spec.name} has no reference answers to hold anything against.")
    kind = workload.spec.error_class(variant.precision)
    found = answered(variant.file, _rows(inputs), len(next(iter(inputs.values()))), TASKS[workload.spec.task])
    return Tried(variant, assessed(workload, reference, found, kind), kind)


def _networks(workload: SuiteWorkload, student: Path | None) -> Iterator[Variant]:
    yield from variants(workload)
    if student is not None:
        yield student_of(workload, student)


def _rows(inputs: NamedArrays) -> Callable[[Indices], NamedArrays]:
    return lambda indices: {name: array[indices] for name, array in inputs.items()}


HEADING = """\
| network | quality (95 %) | same answer as the reference | worse by at most (one-sided 95 %) \
| raw outputs off by (class) | passes |
|---|---|---|---|---|---|"""


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line, measure, and write the table into the card."""
    parser = argparse.ArgumentParser(prog="python -m bench.models.quantise.gate", description=__doc__)
    parser.add_argument("name", help="workload")
    parser.add_argument("--student", type=Path, metavar="FILE", help="an ONNX file of a smaller network to try as well")
    given = parser.parse_args(arguments)
    lines = [HEADING]
    print(HEADING)
    try:
        workload = load_workload(given.name)
        assert isinstance(workload, SuiteWorkload)
        if given.student is not None and not given.student.is_file():
            raise Unsupported(f"`--student {given.student}` is no file.")
        for tried in measure(workload, given.student):
            lines.append(tried.row())
            print(lines[-1], flush=True)
        if given.student is not None:
            lines += ["", at_the_challenge(workload, given.student)]
            print(lines[-1])
    except (PluginError, BadFile, Unsupported) as error:
        print(f"Error: {error}", file=sys.stderr)
        return 2
    put_table(workload.folder / "card.md", "gate", "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
