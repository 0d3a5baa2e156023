"""Kernels that take sizes as arguments: what they stand for, and that they answer at every length and batch."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from bench.backends.base import EngineError, Model, Tensor, Varying
from bench.backends.opencl.building import build
from bench.backends.opencl.compiled import Compiled
from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.general import Form, General, form_of, generalised
from bench.backends.opencl.kernels.source import kernel
from bench.backends.opencl.lengths import at_length, chosen_lengths, plans_of
from bench.backends.opencl.network import planned, prepared
from bench.backends.opencl.plan import Launch, Plan
from bench.backends.opencl.tiles import Tiles
from bench.backends.trimming import compile_trimmed
from bench.models.suite import load_workload
from bench.tasks.base import ERROR_CLASS

from .. import seam
from .graphs import Array, normal, saved

TRAITS = Traits(2, 8)
LONGEST, PLACES = 11, 5  # units of the longest sample, and places of a unit


def sounds(folder: Path) -> tuple[Model, dict[str, Array]]:
    """Convolutions over the time, attention, and positions that count down to the end of what comes."""
    rng = np.random.default_rng(3)
    time = LONGEST * PLACES
    inputs: dict[str, Array] = {"x": normal(rng, 3, time, 16), "length": np.full(3, time, np.int64)}
    nodes = [
        helper.make_node("Shape", ["x"], ["whole"], start=1, end=2),
        helper.make_node("Squeeze", ["whole"], ["time"]),
        helper.make_node("Range", ["time", "zero", "less"], ["left"]),
        helper.make_node("Cast", ["left"], ["counted"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["counted", "last"], ["positions"]),
        helper.make_node("Transpose", ["x"], ["xt"], perm=[0, 2, 1]),
        helper.make_node("Conv", ["xt", "w"], ["c"], pads=[2, 2]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Transpose", ["r"], ["rt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["rt", "r"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "rt"], ["mixed"]),
        helper.make_node("Div", ["positions", "many"], ["small"]),
        helper.make_node("Add", ["mixed", "small"], ["placed"]),
        helper.make_node("MatMul", ["placed", "m"], ["long"]),
        # The length takes part as it does in networks: a factor of one for each sample.
        helper.make_node("Cast", ["length"], ["lengths"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["lengths", "lengths"], ["ones"]),
        helper.make_node("Reshape", ["ones", "form"], ["factors"]),
        helper.make_node("Mul", ["long", "factors"], ["y"]),
    ]
    constants: dict[str, Array] = {
        "zero": np.array(0), "less": np.array(-1), "last": np.array([-1]), "many": np.array(64.0, np.float32),
        "form": np.array([-1, 1, 1]), "w": normal(rng, 32, 16, 5) / 9, "m": normal(rng, 32, 7),
    }  # fmt: skip
    model = saved(folder / "sounds.onnx", nodes, inputs, ["y"], constants)
    import onnx

    file = onnx.load(model.path)
    for value in (*file.graph.input[:1], *file.graph.output):
        value.type.tensor_type.shape.dim[1].Clear()
    del file.graph.value_info[:]
    onnx.save(file, str(model.path))
    varying = Varying(length="length", units={"x": PLACES, "y": PLACES})
    return msgspec.structs.replace(model, varying=varying), inputs


def cut(inputs: dict[str, Array], units: int, samples: int) -> dict[str, Array]:
    time = units * PLACES
    return {"x": inputs["x"][:samples, :time], "length": np.full(samples, time, np.int64)}


def raw_plans(model: Model, samples: int = 1) -> list[Plan]:
    return [plan for plan, _ in plans_of(prepared(model), model, TRAITS, samples, Tiles()).values()]


@pytest.mark.parametrize("samples", [1, 2])
def test_a_shared_kernel_with_its_arguments_is_each_plans_own(tmp_path: Path, samples: int) -> None:
    """Arguments put back into the statements, by their names, give the text that the plan had before."""
    plans = raw_plans(sounds(tmp_path)[0], samples)
    made = generalised(plans)
    kept = [(before, after) for before, after in zip(plans, made.plans, strict=True) if after is not None]
    assert len(kept) > 2
    with_sizes = 0
    for before, after in kept:
        assert after.kernels().keys() == kept[0][1].kernels().keys()
        for old, new in zip(before.steps, after.steps, strict=True):
            assert isinstance(old, Launch)
            assert isinstance(new, Launch)
            more = new.kernel.parameters[len(old.kernel.parameters) :]
            values = dict(zip((one.split()[-1] for one in more), new.arguments[len(old.arguments) :], strict=True))
            body = re.sub(r"\bsize_\d+\b", lambda found, values=values: str(values[found[0]]), new.kernel.body)  # type: ignore[misc]
            assert body == old.kernel.body
            assert "size_" not in old.kernel.body, "a name that a kernel has for something else"
            assert (new.arguments[: len(old.arguments)], new.size) == (old.arguments, old.size)
            with_sizes += bool(more)
    assert with_sizes > 5


def test_the_suites_recogniser_needs_no_more_programs_for_its_lengths() -> None:
    model = load_workload("speech_recognize").model("fp32")
    plans = [plan for plan, _ in plans_of(prepared(model), model, TRAITS, 1, Tiles()).values()]
    made = [plan for plan in generalised(plans).plans if plan is not None]
    assert len(made) >= 8
    assert len({name for plan in made for name in plan.kernels()}) <= len(plans[0].kernels())


def test_plans_of_other_networks_are_left_out(tmp_path: Path) -> None:
    own = raw_plans(sounds(tmp_path)[0])
    other, _ = seam.tiny(tmp_path)
    stranger = planned(prepared(other), other, TRAITS, 1, Tiles())[0]
    made = generalised([own[0], stranger, own[1]]).plans
    assert made[1] is None
    assert made[0] is not None
    assert generalised([]).plans == []
    assert generalised([stranger]).plans == [stranger], "what has no like stays as it is"


@given(
    numbers=st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=6), others=st.lists(st.integers(0, 9), max_size=6)
)
def test_a_kernel_stands_for_its_form_and_for_nothing_else(numbers: list[int], others: list[int]) -> None:
    def made(values: list[int]) -> Form:
        return form_of(
            kernel("map", ["const int a"], [f"x{k}v8[{value}]+=a*1.5e3f;" for k, value in enumerate(values)])
        )

    form = made(numbers)
    assert form.numbers == tuple(numbers), "digits of names, vectors and floats are no sizes"
    every = General(form.digest, tuple(f"s{k}" for k in range(len(numbers))))
    assert every.arguments(form) == tuple(numbers)
    assert General(form.digest, tuple(numbers)).arguments(form) == ()
    assert (General(form.digest, tuple(numbers)).arguments(made(others)) == ()) == (others == numbers)
    twice = General(form.digest, ("s0",) * len(numbers))
    assert twice.arguments(form) == ((numbers[0],) if len(set(numbers)) == 1 else None)
    assert every.arguments(Form("another", form.numbers)) is None


def test_a_size_beyond_an_int_is_no_argument() -> None:
    form = form_of(kernel("map", [], ["r[0]=4294967296;"]))
    assert General(form.digest, ("s0",)).arguments(form) is None


def test_lengths_go_down_from_the_longest_in_even_steps() -> None:
    for whole in range(1, 60):
        for samples in (1, 2, 3, 8, 64):
            lengths = chosen_lengths(whole, samples)
            assert lengths[0] == whole
            assert min(lengths) >= 1
            assert len(lengths) <= 16
            assert len({one % 2 for one in lengths}) == 1
    assert chosen_lengths(25, 1)[:3] == (25, 23, 21)
    assert len(chosen_lengths(25, 8)) == 4


@pytest.mark.parametrize("host_memory", ["copied", "mapped"])
def test_every_length_gives_the_answers_of_the_file(found: Found, tmp_path: Path, host_memory: str) -> None:
    """Short after long and long after short, on memory that others have left; zeros stand behind what is cut off."""
    model, inputs = sounds(tmp_path)
    options = seam.options(max_batch=3, settings={"host_memory": host_memory})
    compiled = Compiled(model, found, options)
    sessions = compiled.open(0), compiled.open(1)
    for turn, (units, samples) in enumerate([(11, 3), (1, 3), (5, 1), (11, 1), (7, 2), (3, 3), (9, 2), (2, 1)]):
        given = cut(inputs, units, samples)
        expected = np.asarray(seam.reference(at_length(model, units), given)["y"])
        out = {"y": np.full((samples, units * PLACES, 7), np.nan, np.float32)}
        sessions[turn % 2].run(given, out)
        padded = at_length(model, next(n for n in sorted(compiled.plans(samples)) if n >= units))
        if padded == at_length(model, units):  # a longer one counts its positions from elsewhere, and attends to more
            np.testing.assert_allclose(out["y"], expected, rtol=1e-4, atol=1e-4)
        assert np.isfinite(out["y"]).all()
    compiled.close()


def test_nothing_is_compiled_once_a_session_is_open(
    found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyopencl

    model, inputs = sounds(tmp_path)
    compiled = Compiled(model, found, seam.options(max_batch=1))
    session = compiled.open(0)
    made: list[object] = []
    monkeypatch.setattr(pyopencl, "Program", lambda *given: made.append(given))
    monkeypatch.setattr(pyopencl, "Buffer", lambda *given, **more: made.append(given))
    for units in range(1, LONGEST + 1):
        session.run(cut(inputs, units, 1), {"y": np.empty((1, units * PLACES, 7), np.float32)})
    assert not made
    assert str(compiled.facts.applied["lengths"]).startswith("filled up to ")
    assert len(compiled.plans(1)) > 2
    compiled.close()


# ------------------------------------------------------------------------------------------------------- programs


def test_programs_for_some_batches_serve_others_and_all_lengths(found: Found, tmp_path: Path) -> None:
    """Hours go into a card's program: what differs by batch and length alone must not need another."""
    model, inputs = sounds(tmp_path)
    folder = tmp_path / "programs"
    made = build(model, found, seam.options(), (2, 4), folder)
    options = seam.options(max_batch=3, settings={"programs": str(folder)})
    compiled = Compiled(model, found, options)
    assert made.kernels < 2 * len(compiled.plans(3)[LONGEST][0].kernels())
    for samples in (3, 2):
        plans = compiled.plans(samples)
        assert len(plans) > 1
        for units in plans:
            given = cut(inputs, units, samples)
            out = {"y": np.empty((samples, units * PLACES, 7), np.float32)}
            compiled.open(0).run(given, out)
            np.testing.assert_allclose(
                out["y"], np.asarray(seam.reference(at_length(model, units), given)["y"]), rtol=1e-4, atol=1e-4
            )
    compiled.close()


def test_programs_of_another_network_are_still_refused(found: Found, tmp_path: Path) -> None:
    model, _ = sounds(tmp_path)
    other, _ = seam.tiny(tmp_path)
    build(other, found, seam.options(), (1, 4), tmp_path / "programs")
    with pytest.raises(EngineError, match=r"lack \d+ of \d+ kernels"):
        Compiled(model, found, seam.options(settings={"programs": str(tmp_path / "programs")}))


@pytest.mark.full
def test_the_suites_recogniser_at_every_length(found: Found) -> None:
    workload = load_workload("speech_recognize")
    model, inputs = workload.model("fp32"), workload.load_inputs(24, 5)
    name = model.outputs[0].name
    expected = seam.reference(model, inputs)[name]
    for batch in (1, 8):
        compiled = compile_trimmed_on(found, model, batch)
        session = compiled.open(0)
        out = np.empty((24, *model.outputs[0].shape), np.float32)
        for first in range(0, 24, batch):
            some = slice(first, first + batch)
            session.run({key: one[some] for key, one in inputs.items()}, {name: out[some]})
        assert seam.worst_error({name: out}, {name: expected}) <= ERROR_CLASS["fp32"]
        compiled.close()


def compile_trimmed_on(found: Found, model: Model, batch: int) -> Compiled:
    from bench.backends.opencl.backend import BACKEND

    return compile_trimmed(BACKEND, model, found.device, seam.options(max_batch=batch))  # type: ignore[return-value]


def test_declared_forms_follow_the_length(tmp_path: Path) -> None:
    short = at_length(sounds(tmp_path)[0], 2)
    assert short.inputs[0] == Tensor(name="x", dtype="float32", shape=(2 * PLACES, 16))
    assert short.inputs[1].shape == ()
