"""`workload.toml`: fields and values that are not what they must be, each with what would be right."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from bench.backends.base import Tensor
from bench.models.base import WorkloadSpec
from bench.records.plan import SCENARIOS, USER_WORKLOAD
from bench.records.workload_check import Remark, seen, wrong
from bench.tasks import TASKS
from bench.text import LANGUAGES

# Fewer evaluation samples cannot carry the paired test for a loss of 1 % (measurement.md section 4).
PAIRED_TEST = 2290
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def remarks_on(spec: WorkloadSpec, registered: str | None) -> Iterator[Remark]:
    """All that is wrong with the values; `registered` is the name of its entry point, None where it has none."""
    if not _NAME.fullmatch(spec.name) or spec.name == USER_WORKLOAD:
        yield wrong("bad-name", name=spec.name)
    if registered not in (None, spec.name):
        yield wrong("other-name", name=spec.name, registered=registered)
    yield from (wrong("no-title", language=lang) for lang in LANGUAGES if not spec.title.get(lang, "").strip())
    yield from (wrong("no-origin", entry=entry) for entry in ("data", "weights") if not spec.origin.get(entry))
    yield from _task(spec)
    yield from _tensors("inputs", spec.inputs)
    yield from _tensors("outputs", spec.outputs)
    yield from _varying(spec)
    yield from _scenarios(spec)
    yield from _quality(spec)


def _task(spec: WorkloadSpec) -> Iterator[Remark]:
    if spec.task not in TASKS:
        yield wrong("unknown", what=f"task {spec.task!r}", known=", ".join(TASKS))
    elif spec.quality.metric != TASKS[spec.task].metric:
        yield wrong("out-of-range", field="quality.metric", value=spec.quality.metric, expected=TASKS[spec.task].metric)


def _tensors(kind: str, tensors: tuple[Tensor, ...]) -> Iterator[Remark]:
    names = [tensor.name for tensor in tensors]
    if not names:
        yield wrong("out-of-range", field=kind, value="[]", expected="[[" + kind + "]], …")
    if len(set(names)) < len(names):
        yield wrong("out-of-range", field=f"{kind}.name", value=", ".join(names), expected="a, b, …")
    for tensor in tensors:
        if not _is_number_type(tensor.dtype):
            yield wrong(
                "out-of-range", field=f"{kind}.{tensor.name}.dtype", value=tensor.dtype, expected="uint8, float32, …"
            )
        if any(length < 1 for length in tensor.shape):
            yield wrong("out-of-range", field=f"{kind}.{tensor.name}.shape", value=list(tensor.shape), expected="≥ 1")


def _varying(spec: WorkloadSpec) -> Iterator[Remark]:
    """Lengths of samples: an input that says them, and tensors of whole units, as many in each."""
    if spec.varying is None:
        return
    lengths = [one.name for one in spec.inputs if one.shape == () and np.dtype(one.dtype).kind in "iu"]
    if spec.varying.length not in lengths:
        expected = ", ".join(lengths) or "int64 []"
        yield wrong("out-of-range", field="varying.length", value=spec.varying.length, expected=expected)
    shapes = {one.name: one.shape for one in (*spec.inputs, *spec.outputs)}
    first = next(iter(spec.varying.units), "")
    if first not in {one.name for one in spec.inputs}:
        yield wrong("out-of-range", field="varying.units", value=first, expected="inputs, …")
    counted = set()
    for name, unit in spec.varying.units.items():
        places = next(iter(shapes.get(name, ())), 0)
        if unit < 1 or places < 1 or places % unit:
            yield wrong("out-of-range", field=f"varying.units.{name}", value=unit, expected=f"1 … {places}")
        else:
            counted.add(places // unit)
    if len(counted) > 1:
        yield wrong("out-of-range", field="varying.units", value=sorted(counted), expected=f"{max(counted)}")


def _is_number_type(name: str) -> bool:
    try:
        dtype = np.dtype(name)
    except TypeError:
        return False
    return dtype.kind in "biuf" and dtype.name == name


def _scenarios(spec: WorkloadSpec) -> Iterator[Remark]:
    if spec.load.samples < 1:
        yield wrong("out-of-range", field="load.samples", value=spec.load.samples, expected="≥ 1")
    for name, scenario in spec.scenarios.items():
        if name not in SCENARIOS:
            yield wrong("unknown", what=f"scenario {name!r}", known=", ".join(SCENARIOS))
        for field in ("batch", "samples_per_query", "latency_bound_ms"):
            value = getattr(scenario, field)
            if value is not None and not value > 0:
                yield wrong("out-of-range", field=f"scenarios.{name}.{field}", value=value, expected="> 0")


def _quality(spec: WorkloadSpec) -> Iterator[Remark]:
    quality = spec.quality
    if quality.evaluation_samples < 1:
        yield wrong(
            "out-of-range", field="quality.evaluation_samples", value=quality.evaluation_samples, expected="≥ 1"
        )
    elif quality.evaluation_samples < PAIRED_TEST:
        yield seen("few-samples", samples=quality.evaluation_samples, needed=PAIRED_TEST)
    if not 0 < quality.quick_samples <= quality.evaluation_samples:
        expected = f"1 … {quality.evaluation_samples}"
        yield wrong("out-of-range", field="quality.quick_samples", value=quality.quick_samples, expected=expected)
    if quality.target is None:
        yield seen("no-target")
    elif not 0 < quality.target <= 1:
        yield wrong("out-of-range", field="quality.target", value=quality.target, expected="0 … 1")
