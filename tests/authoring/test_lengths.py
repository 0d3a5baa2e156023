"""Lengths of samples in a `workload.toml`: as they must be, and each fault named with what would be right."""

from __future__ import annotations

import msgspec
import pytest

from bench.authoring.graph import load_graph, tensors
from bench.authoring.specification import remarks_on
from bench.backends.base import Tensor, Varying
from bench.models.base import WorkloadSpec
from bench.models.suite import load_workload


def spec(length: str = "length", **units: int) -> WorkloadSpec:
    return msgspec.structs.replace(
        load_workload("speech_command").spec,
        inputs=(
            Tensor(name="wave", dtype="int16", shape=(96_000,)),
            Tensor(name="length", dtype="int64", shape=()),
            Tensor(name="rate", dtype="float32", shape=()),
        ),
        outputs=(Tensor(name="scores", dtype="float32", shape=(150, 40)),),
        varying=Varying(length=length, units=units),
    )


def faults(of: WorkloadSpec) -> list[tuple[str, str, str]]:
    remarks = remarks_on(of, of.name)
    return [
        (one.values["field"], one.values["value"], one.values["expected"])
        for one in remarks
        if one.code == "out-of-range"
    ]


def test_whole_units_as_many_in_every_tensor_are_sound() -> None:
    assert faults(spec(wave=3200, scores=5)) == []


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (spec("lenght", wave=3200, scores=5), ("varying.length", "lenght", "length")),
        (spec("rate", wave=3200, scores=5), ("varying.length", "rate", "length")),  # a length is a whole number
        (spec("wave", wave=3200, scores=5), ("varying.length", "wave", "length")),
        (spec(), ("varying.units", "", "inputs, …")),
        (spec(scores=5, wave=3200), ("varying.units", "scores", "inputs, …")),
        (spec(wave=3100, scores=5), ("varying.units.wave", "3100", "1 … 96000")),
        (spec(wave=0, scores=5), ("varying.units.wave", "0", "1 … 96000")),
        (spec(wave=3200, scores=5, other=1), ("varying.units.other", "1", "1 … 0")),
        (spec(wave=3200, rate=1), ("varying.units.rate", "1", "1 … 0")),
        (spec(wave=3200, scores=10), ("varying.units", "[15, 30]", "30")),
    ],
)
def test_faults(given: WorkloadSpec, fault: tuple[str, str, str]) -> None:
    assert faults(given) == [fault]


def test_an_axis_that_varies_is_free_in_the_graph_and_no_other_is() -> None:
    workload = load_workload("speech_recognize")
    graph = load_graph(workload.model().path)
    assert list(tensors(workload.spec, graph)) == []
    fixed = msgspec.structs.replace(workload.spec, varying=None)
    assert [(one.code, one.values["name"]) for one in tensors(fixed, graph)] == [
        ("tensor-differs", "waveform"),
        ("tensor-differs", "log_probs"),
    ]
    outputs = (msgspec.structs.replace(workload.spec.outputs[0], shape=(125, 141)),)
    other = msgspec.structs.replace(workload.spec, outputs=outputs)
    assert [(one.code, one.values["found"]) for one in tensors(other, graph)] == [
        ("tensor-differs", "float32 ['frames', 140]")
    ]
