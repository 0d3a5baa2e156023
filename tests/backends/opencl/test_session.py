"""The OpenCL engine behind the seam: right answers on the suite's networks, and clear refusals."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from onnx import TensorProto, helper

from bench.backends.base import Compiled, EngineError, Model, OutOfMemory, Unsupported
from bench.backends.opencl import device as devices
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.device import Found
from bench.models.suite import load_workload
from bench.tasks.base import ERROR_CLASS

from .. import seam
from .graphs import asked, normal, reference, saved


def compiled(found: Found, model: Model, **changes: object) -> Compiled:
    return BACKEND.compile(model, found.device, seam.options(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name",
    [
        "speech_command",
        *(
            pytest.param(name, marks=pytest.mark.full)
            for name in ("image_classify", "image_classify_edge", "face_verify")
        ),
    ],
)
def test_the_suites_networks(found: Found, name: str) -> None:
    workload = load_workload(name)
    model, inputs = workload.model("fp32"), workload.evaluation_inputs(np.arange(6))
    facts, answers = seam.answers(BACKEND, model, inputs, (4, 1, 1), device=found.device)
    assert seam.worst_error(answers, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]
    assert facts.precision_executed == "fp32"
    assert facts.device_operator_share == 1.0
    assert facts.memory_bytes
    assert facts.applied["host_operators"] == 0


def test_every_batch_size_gives_the_same_answers(found: Found, tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    expected = seam.reference(model, inputs)
    one = compiled(found, model)
    session = one.open(0)
    for sizes in ((4, 4, 4), (1, 3, 4, 2, 2), (1,) * 12):
        assert seam.worst_error(seam.ask(session, model, inputs, sizes), expected) <= ERROR_CLASS["fp32"]
    session.close()
    one.close()


def test_two_inputs_two_outputs_in_another_order(found: Found, tmp_path: Path) -> None:
    model, inputs = seam.two_way(tmp_path)
    _, answers = seam.answers(BACKEND, model, inputs, device=found.device)
    assert seam.worst_error(answers, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]


WAYS = pytest.mark.parametrize("host_memory", ["copied", "mapped"])


@WAYS
def test_sessions_at_once_do_not_disturb_one_another(found: Found, tmp_path: Path, host_memory: str) -> None:
    model, inputs = seam.tiny(tmp_path)
    one = compiled(found, model, workers=3, settings={"host_memory": host_memory})
    assert max(seam.errors_at_once(one, model, inputs, workers=3)) <= ERROR_CLASS["fp32"]
    one.close()


@WAYS
def test_inputs_and_outputs_may_be_strided_or_read_only(found: Found, tmp_path: Path, host_memory: str) -> None:
    model, inputs = seam.tiny(tmp_path)
    expected = np.asarray(seam.reference(model, inputs)["logits"][:4], np.float32)
    session = compiled(found, model, settings={"host_memory": host_memory}).open(0)
    locked = inputs["x"][:4].copy()
    locked.flags.writeable = False
    strided = np.zeros((4, 3, 8, 16), np.uint8)[..., ::2]
    strided[...] = locked
    for given in (locked, strided):
        out = np.full((4, 10), np.nan, np.float32)[:, ::2]
        session.run({"x": given}, {"logits": out})
        np.testing.assert_allclose(out, expected, rtol=1e-5, atol=1e-4)


def test_a_border_stays_zero_after_a_batch_of_nan(found: Found, tmp_path: Path) -> None:
    """What a bad batch leaves in memory must not reach the next one."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], pads=[1] * 4),
        helper.make_node("Conv", ["c", "v"], ["y"], pads=[1] * 4),
    ]
    good: seam.Named = {"x": normal(rng, 2, 5, 6, 6)}
    model = saved(tmp_path / "m.onnx", nodes, good, ["y"], {"w": normal(rng, 7, 5, 3, 3), "v": normal(rng, 3, 7, 3, 3)})
    session = compiled(found, model, max_batch=2).open(0)
    before = seam.ask(session, model, good, (2,))["y"]
    seam.ask(session, model, {"x": np.full((2, 5, 6, 6), np.nan, np.float32)}, (2,))
    np.testing.assert_array_equal(seam.ask(session, model, good, (2,))["y"], before)


# ------------------------------------------------------------------------------------------------------ on the host


def host_model(folder: Path) -> tuple[Model, seam.Named]:
    """An operator that the device lacks (LpNormalization) between two that it has."""
    x = {"x": normal(np.random.default_rng(1), 4, 6)}
    nodes = [
        helper.make_node("Sigmoid", ["x"], ["r"]),
        helper.make_node("LpNormalization", ["r"], ["c"], axis=1),
        helper.make_node("Exp", ["c"], ["y"]),
    ]
    return saved(folder / "h.onnx", nodes, x, ["y"]), x  # type: ignore[return-value]


def test_sums_of_8_bit_products_on_the_host_do_not_saturate(found: Found, tmp_path: Path) -> None:
    """Two products of 255 and 127 are beyond 16 bits, in which processors without VNNI would add them."""
    x: seam.Named = {"x": np.full((2, 64), 255, np.uint8)}
    nodes = [
        helper.make_node("MatMulInteger", ["x", "w"], ["c"]),
        helper.make_node("Cast", ["c"], ["y"], to=TensorProto.FLOAT),
    ]
    model = saved(tmp_path / "i.onnx", nodes, x, ["y"], {"w": np.full((64, 32), 127, np.int8)})
    session = compiled(found, model, max_batch=2).open(0)
    assert (seam.ask(session, model, x, (2,))["y"] == 255 * 127 * 64).all()


def test_an_operator_that_the_device_lacks_runs_on_the_host_and_is_told(found: Found, tmp_path: Path) -> None:
    model, x = host_model(tmp_path)
    facts, answers = asked(found, model, x, settings={})
    np.testing.assert_allclose(answers["y"], reference(model.path, x, ["y"])["y"], rtol=1e-5)
    assert facts.device_operator_share == pytest.approx(2 / 3)
    assert facts.applied["lacking"] == "LpNormalization (the operator)"


def test_what_a_branch_reads_is_kept_for_it(found: Found, tmp_path: Path) -> None:
    """Programs that follow one another are joined, and convolutions take them in: not where an If reads in between."""
    rng = np.random.default_rng(3)
    x: seam.Named = {"x": normal(rng, 2, 16, 4, 5)}
    result = helper.make_tensor_value_info("b", TensorProto.FLOAT, None)
    branches = {
        f"{name}_branch": helper.make_graph([helper.make_node(op, ["r", "c"], ["b"])], name, [], [result])
        for name, op in (("then", "Add"), ("else", "Mul"))
    }
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Exp", ["r"], ["e"]),
        helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0),
        helper.make_node("Greater", ["s", "none"], ["which"]),
        helper.make_node("If", ["which"], ["i"], **branches),
        helper.make_node("Add", ["e", "i"], ["y"]),
    ]
    constants = {"w": normal(rng, 16, 16, 1, 1) / 16, "none": np.zeros((), np.float32)}
    model = saved(tmp_path / "if.onnx", nodes, x, ["y"], constants)
    for given in (x, {"x": -x["x"]}):
        _, answers = asked(found, model, given, settings={})
        np.testing.assert_allclose(answers["y"], reference(model.path, given, ["y"])["y"], rtol=2e-5, atol=2e-5)


def test_strict_device_refuses_it(found: Found, tmp_path: Path) -> None:
    model, _ = host_model(tmp_path)
    with pytest.raises(Unsupported) as caught:
        compiled(found, model, settings={"strict_device": True})
    told = "opencl lacks some of h.onnx, and `strict_device` is set: LpNormalization: the operator."
    assert str(caught.value) == told


def test_sizes_that_depend_on_the_data_stay_on_the_host(found: Found, tmp_path: Path) -> None:
    """NonZero's result has as many columns as there are; what follows it is of no known size, up to a sum."""
    x = {"x": np.array([[0, 1, 0, 2], [3, 0, 0, 0]], np.float32)}
    nodes = [
        helper.make_node("NonZero", ["x"], ["n"]),
        helper.make_node("Cast", ["n"], ["f"], to=1),
        helper.make_node("ReduceSum", ["f", "axis"], ["s"], keepdims=1),
        helper.make_node("Add", ["s", "x"], ["y"]),
    ]
    model = saved(tmp_path / "n.onnx", nodes, x, ["y"], {"axis": np.array([1])})
    _, answers = asked(found, model, x, settings={})
    np.testing.assert_array_equal(answers["y"], reference(model.path, x, ["y"])["y"])


# --------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"strict_devic": True}, "opencl has no setting 'strict_devic'. Did you mean 'strict_device'?"),
        ({"strict_device": 1}, "opencl's setting 'strict_device' cannot be 1. Known: false, true."),
        ({"platform": 3}, "opencl's setting 'platform' is 3; expected a part of a platform's name."),
    ],
)
def test_settings_are_checked(found: Found, settings: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        compiled(found, seam.tiny(tmp_path)[0], settings=settings)
    assert str(caught.value) == said


def test_another_platform_than_asked_for_is_refused(found: Found, tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"the setting 'platform' asks for 'acme'"):
        compiled(found, seam.tiny(tmp_path)[0], settings={"platform": "acme"})


def test_a_device_that_has_gone_is_told(found: Found) -> None:
    gone = msgspec.structs.replace(found.device, index=77)
    with pytest.raises(Unsupported, match=r"opencl sees .*; .*:77 has gone\."):
        devices.look_up(gone, None)


def test_a_file_that_is_no_model(found: Found, tmp_path: Path) -> None:
    model = msgspec.structs.replace(seam.tiny(tmp_path)[0], path=seam.broken_onnx(tmp_path / "broken.onnx"))
    with pytest.raises(EngineError, match=r"^opencl cannot read broken\.onnx: [^\n]+$"):
        compiled(found, model)


def test_a_model_that_is_not_as_declared(found: Found, tmp_path: Path) -> None:
    model, _ = seam.tiny(tmp_path)
    for field, changes, said in (
        ("outputs", {"name": "lgits"}, "opencl finds no output 'lgits' in the model; it has logits."),
        ("outputs", {"shape": (6,)}, "opencl has output 'logits' as float32[5]; declared is float32[6]."),
        ("inputs", {"shape": (3, 8, 9)}, "opencl has input 'x' as uint8[3, 8, 8]; declared is uint8[3, 8, 9]."),
        ("inputs", {"dtype": "int8"}, "opencl has input 'x' as uint8[3, 8, 8]; declared is int8[3, 8, 8]."),
    ):
        (tensor,) = getattr(model, field)
        changed = msgspec.structs.replace(model, **{field: (msgspec.structs.replace(tensor, **changes),)})
        with pytest.raises(EngineError) as caught:
            compiled(found, changed)
        assert str(caught.value) == said


def test_arrays_of_another_form_are_refused_and_the_session_goes_on(found: Found, tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    session = compiled(found, model).open(0)
    good = inputs["x"][:4]
    for given, into in seam.wrong_forms(model, good):
        with pytest.raises(EngineError):
            session.run({"x": given}, into)
    with pytest.raises(EngineError, match="a batch of 5 came; it is made ready for 4 at most"):
        seam.ask(session, model, inputs, (5,))
    assert seam.worst_error(seam.ask(session, model, inputs, (4,)), seam.reference(model, {"x": good})) < 1e-5


def test_more_than_the_device_holds_is_out_of_memory(found: Found, tmp_path: Path) -> None:
    model, _ = seam.tiny(tmp_path)
    with pytest.raises(OutOfMemory, match=r"opencl needs \d+ MiB"):
        compiled(found, model, max_batch=1 << 32)
