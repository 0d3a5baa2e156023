"""All checks of one workload, in order; what needs something that is wrong is skipped, and the others go on."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Literal

from bench.authoring import data, graph, reference, running, specification
from bench.authoring.subject import import_package
from bench.models.suite import DATA_MEMBERS, SuiteWorkload
from bench.plugins import PluginError, one_line
from bench.records.untrusted import BadFile
from bench.records.workload_check import WORKLOAD_CHECKS, Remark, WorkloadVerdict, wrong

Look = Callable[[], Iterable[Remark]]
# With these in the specification nothing that its figures or names say can be looked for.
_UNSOUND = frozenset({"out-of-range", "unknown"})
_NEEDS_A_WORKLOAD = WORKLOAD_CHECKS[2:-1]


def examine(
    name: str, root: Path | None, registered: str | None, elsewhere: Callable[[], str]
) -> Iterator[WorkloadVerdict]:
    """Verdicts as they come on the package called `name`.

    `root` is the folder to import it from and `registered` the name of its entry point, None where there is none.
    `elsewhere` gives the fingerprint of its data from another process.
    """
    packages: list[ModuleType] = []
    yield _verdict("package", lambda: _package(name, root, packages))
    workloads: list[SuiteWorkload] = []
    found: list[Remark] = []
    if packages:
        found += _opened(packages[0], workloads)
    if workloads:
        found += specification.remarks_on(workloads[0].spec, registered)
    if packages:
        yield _verdict("specification", lambda: found)
    if not workloads:
        yield from (WorkloadVerdict(check=check, state="skipped") for check in _NEEDS_A_WORKLOAD)
        return
    sound = not any(remark.code in _UNSOUND for remark in found)
    yield from _of_model_and_data(workloads[0], sound, elsewhere)


def _of_model_and_data(workload: SuiteWorkload, sound: bool, elsewhere: Callable[[], str]) -> Iterator[WorkloadVerdict]:
    spec, folder = workload.spec, workload.folder
    path = folder / spec.model.graph
    passed: set[str] = {"specification"} if sound else set()

    def take(check: str, needs: set[str], look: Look) -> WorkloadVerdict:
        if not needs <= passed:
            return WorkloadVerdict(check=check, state="skipped")
        verdict = _verdict(check, look)
        if verdict.state == "passed":
            passed.add(check)
        return verdict

    yield take("files", set(), lambda: graph.files(spec, folder))
    model = graph.load_graph(path) if "files" in passed else None
    if model is None:
        looks: dict[str, Look] = dict.fromkeys(("operators", "checker", "tensors", "figures", "weights"), tuple)
    else:
        looks = {
            "operators": partial(graph.operators, model),
            "checker": partial(graph.checker, spec, path, model),
            "tensors": partial(graph.tensors, spec, model),
            "figures": partial(graph.figures, spec, path),
            "weights": partial(graph.weights, model, path.parent),
        }
    for check, look in looks.items():
        yield take(check, {"files"}, look)
    yield take("data", {"specification"}, lambda: _data(workload))
    yield take("labels", {"data"}, lambda: data.labels(workload))
    yield take("timing", {"data"}, lambda: _timing(workload, elsewhere))
    yield take("reference", {"data", "labels"}, lambda: reference.remarks_on(workload))
    yield take("run", {"files", "operators", "checker", "tensors", "data"}, lambda: running.remarks_on(workload))


def _verdict(check: str, look: Look) -> WorkloadVerdict:
    remarks: list[Remark] = []
    try:
        remarks.extend(look())
    except data.Unusable as unusable:
        remarks.extend(unusable.remarks)
    except Exception as error:  # noqa: BLE001 - the author's code may raise anything at any moment
        remarks.append(wrong("broke-off", error=one_line(error)))
    state: Literal["passed", "failed"] = "failed" if any(remark.wrong for remark in remarks) else "passed"
    return WorkloadVerdict(check=check, state=state, remarks=tuple(remarks))


def _package(name: str, root: Path | None, found: list[ModuleType]) -> Iterator[Remark]:
    try:
        package = import_package(name, root)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above; a script without `if __name__` may leave
        yield wrong("not-imported", module=name, error=one_line(error))
        return
    if package.__file__ is None or not hasattr(package, "__path__"):
        yield wrong("no-package", module=name)
    elif root is not None and not Path(package.__file__).resolve().is_relative_to(root.resolve()):
        yield wrong("shadowed", module=name, found=Path(package.__file__).parent)
    else:
        found.append(package)


def _opened(package: ModuleType, found: list[SuiteWorkload]) -> Iterator[Remark]:
    try:
        found.append(SuiteWorkload(package))
    except (BadFile, PluginError) as error:
        yield wrong("unusable", error=error)


def _data(workload: SuiteWorkload) -> Iterator[Remark]:
    module_name = workload.data_module
    try:
        module = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - as above
        raise data.Unusable(wrong("not-imported", module=module_name, error=one_line(error))) from None
    missing = [member for member in DATA_MEMBERS if not hasattr(module, member)]
    if missing:
        raise data.Unusable(wrong("members-missing", module=module_name, missing=", ".join(missing)))
    declared = workload.spec.quality.evaluation_samples
    if declared != module.EVALUATION_SIZE:
        yield wrong("size-differs", found=module.EVALUATION_SIZE, declared=declared)
    yield from data.evaluation(workload)


def _timing(workload: SuiteWorkload, elsewhere: Callable[[], str]) -> Iterator[Remark]:
    yield from data.timing(workload)
    if data.fingerprint(workload) != elsewhere():
        yield wrong("other-process")
