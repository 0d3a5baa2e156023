"""Command line of `python -m bench.models.quantise`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bench.backends.base import Unsupported
from bench.models.base import NamedArrays, Reference
from bench.models.graph import forms_of
from bench.models.quantise.assess import Assessed, Indices, answered, answers, assessed, beside, raw_error
from bench.models.quantise.build import FILE, BadRecipe, Recipe, build
from bench.models.quantise.error_class import error_limit
from bench.models.quantise.ranges import METHODS
from bench.models.quantise.table import written
from bench.models.suite import SuiteWorkload, load_workload
from bench.plugins import PluginError
from bench.records.untrusted import BadFile
from bench.tasks import TASKS

_USAGE, _FAILED = 2, 11


def main(arguments: list[str] | None = None) -> int:
    """Parse the command line and quantise. Exit code 2 for a request that cannot be served, 11 where quality fails."""
    parser = argparse.ArgumentParser(prog="python -m bench.models.quantise", description=main.__doc__)
    parser.add_argument("name", help="workload")
    parser.add_argument("--method", metavar="NAME", help=f"how ranges are found: {', '.join(METHODS)}")
    parser.add_argument("--samples", type=int, help="calibration samples")
    parser.add_argument("--keep-float", action="append", metavar="PATTERN", help="nodes that stay float: 'log_mel.*'")
    parser.add_argument("--compare", action="store_true", help="only print what each method gives on further samples")
    given = parser.parse_args(arguments)
    try:
        workload = load_workload(given.name)
        assert isinstance(workload, SuiteWorkload)
        recipe = _recipe(workload, given.method, given.samples, given.keep_float)
        return _compare(workload, recipe) if given.compare else _write(workload, recipe)
    except (BadRecipe, PluginError, BadFile, Unsupported) as error:
        print(f"Error: {error}", file=sys.stderr)
        return _USAGE


def _recipe(workload: SuiteWorkload, method: str | None, samples: int | None, keep_float: list[str] | None) -> Recipe:
    """What is asked for, else what the file was made with, else what most files are made with."""
    known, usual = workload.spec.int8, Recipe()
    return Recipe(
        method=method or (known.method if known else usual.method),
        samples=samples if samples is not None else (known.calibration_samples if known else usual.samples),
        keep_float=tuple(keep_float) if keep_float is not None else (known.keep_float if known else usual.keep_float),
    )


def _write(workload: SuiteWorkload, recipe: Recipe) -> int:
    """Make the file, measure it, and keep it with its figures where it holds class q99."""
    reference = workload.reference()
    if reference is None:
        raise BadRecipe(f"{workload.spec.name} has no reference answers to hold the file against.")
    target = workload.folder / FILE
    made = workload.folder / f"made.{FILE}"  # beside the weights, for the file points into them by name
    try:
        build(workload, recipe, made)
        found = _assess(workload, reference, made)
        print(_said(found))
        if not found.verdict.passed:
            print(f"Not kept: it does not hold 99 % of the reference (target {found.verdict.target}).", file=sys.stderr)
            return _FAILED
        limit = error_limit(found.error.median, _per_tensor_error(workload, reference, recipe))
        print(f"raw outputs off by {found.error.median:.4f} (median); a run in int8 may be by {limit:.4f}")
        text = (workload.folder / "workload.toml").read_text(encoding="utf-8")
        text = written(text, recipe, made, FILE, found, limit, forms_of(workload.spec.inputs))
        made.replace(target)
        (workload.folder / "workload.toml").write_text(text, encoding="utf-8")
    finally:
        made.unlink(missing_ok=True)
    print(f"{target} and workload.toml are written.")
    return 0


def _assess(workload: SuiteWorkload, reference: Reference, file: Path) -> Assessed:
    count, task = workload.spec.quality.evaluation_samples, TASKS[workload.spec.task]
    return assessed(workload, reference, answered(file, workload.evaluation_inputs, count, task))


def _per_tensor_error(workload: SuiteWorkload, reference: Reference, recipe: Recipe) -> float:
    """Median error of the same network with one scale per weight tensor, on the samples that the error is of."""
    file = workload.folder / f"per_tensor.{FILE}"  # beside the weights, for the file points into them by name
    try:
        build(workload, recipe, file, per_channel=False)
        count = len(next(iter(reference.outputs.values())))
        return raw_error(answers(file, workload.evaluation_inputs, count), reference).median
    finally:
        file.unlink(missing_ok=True)


def _said(found: Assessed) -> str:
    verdict, counts = found.verdict, found.verdict.counts
    return (
        f"{verdict.value:.4f} [{verdict.interval.low:.4f}, {verdict.interval.high:.4f}] of {counts.total}; reference "
        f"{verdict.reference:.4f}, gained {counts.gained}, lost {counts.lost}, at most {found.loss_at_most:.4f} worse "
        f"(allowed {-verdict.allowance:.4f}); same answer {found.agreement:.4f}"
    )


def _compare(workload: SuiteWorkload, recipe: Recipe) -> int:
    """Each method's answers beside the float network's, on as many further calibration samples as it was made with."""
    samples = recipe.samples
    further = {name: array[samples:] for name, array in workload.calibration_inputs(2 * samples).items()}

    def inputs(indices: Indices) -> NamedArrays:
        return {name: array[indices] for name, array in further.items()}

    plain = answers(workload.model().path, inputs, samples)
    file = workload.folder / f"compared.{FILE}"  # beside the weights, for the file points into them by name
    print(f"{'method':20} same answer  median error  95 % of errors below")
    try:
        for method in METHODS:
            build(workload, Recipe(method, samples, recipe.keep_float), file)
            seen = beside(workload.spec.task, answers(file, inputs, samples), plain)
            print(f"{method:20} {seen.agreement:11.4f}  {seen.median_error:12.4f}  {seen.error_95:20.4f}", flush=True)
    finally:
        file.unlink(missing_ok=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
