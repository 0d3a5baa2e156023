"""ONNX Runtime behind the seam: the CPU as before, every other provider by its name, and no silent fallback."""

from __future__ import annotations

import tempfile
import types
from collections.abc import Callable
from pathlib import Path

import msgspec
import onnxruntime
import pytest

from bench.backends.base import EngineError, Model, Unsupported, find_device
from bench.backends.onnxruntime import BACKEND, applied_options, executed, operator_share
from bench.backends.onnxruntime_sessions import words
from bench.loadgen.supervisor import run_repetition
from bench.models.graph import graph_statistics
from bench.models.suite import load_workload
from bench.records.host import Device
from bench.records.plan import Setting
from bench.tasks.base import ERROR_CLASS

from ..fixtures import job, measurement, tiny_onnx
from . import seam

CPU = BACKEND.devices()[0]
# In the build that the package index serves this provider is there, and takes no ordinary node.
IDLE = pytest.mark.skipif(
    "AzureExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="this build of onnxruntime has no provider that takes no nodes",
)


# ------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("make", [seam.tiny, seam.two_way])
def test_every_batch_size_gives_the_same_answers(
    make: Callable[[Path], tuple[Model, seam.Named]], tmp_path: Path
) -> None:
    model, inputs = make(tmp_path)
    expected = seam.reference(model, inputs)
    for sizes in ((4, 4, 4), (1, 3, 4, 2, 2)):
        facts, found = seam.answers(BACKEND, model, inputs, sizes)
        assert seam.worst_error(found, expected) <= ERROR_CLASS["fp32"]
        assert facts.device_operator_share == 1.0
        assert facts.applied["providers"] == "CPUExecutionProvider"


def test_sessions_at_once_do_not_disturb_one_another() -> None:
    model, inputs = seam.speech()
    compiled = BACKEND.compile(model, CPU, seam.options(workers=3))
    errors = seam.errors_at_once(compiled, model, inputs, workers=3)
    assert len(errors) == 3
    assert max(errors) <= ERROR_CLASS["fp32"]


def test_a_file_with_a_fixed_batch(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    fixed = msgspec.structs.replace(model, path=tiny_onnx(tmp_path / "fixed.onnx", batch=4), fixed_batch=4)
    _, found = seam.answers(BACKEND, fixed, inputs)
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]


# ----------------------------------------------------------------------------------------------------- providers


def test_every_provider_of_the_build_is_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CANNExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: names)
    devices = BACKEND.devices()
    assert [device.kind for device in devices] == ["cpu", "tensorrt", "cuda", "cann"]
    assert devices[0].title == CPU.title, "a processor has a name of its own"
    assert [device.title for device in devices[1:]] == names[:3]
    assert find_device(BACKEND, "cann:0") == devices[3]


def test_a_device_that_the_build_does_not_have(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"no provider for 'cann'; it has .*CPUExecutionProvider"):
        BACKEND.compile(seam.tiny(tmp_path)[0], Device(kind="cann"), seam.options())


@IDLE
def test_nodes_that_fall_back_to_the_cpu_are_counted(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    facts, found = seam.answers(BACKEND, model, inputs, device=find_device(BACKEND, "azure"))
    assert facts.device_operator_share == 0.0
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]
    assert facts.memory_bytes is None, "memory of this process is not the device's"


def test_the_share_counts_nodes_and_not_parts_of_the_graph() -> None:
    def part(name: str, nodes: int) -> types.SimpleNamespace:
        return types.SimpleNamespace(ep_name=name, get_nodes=lambda: [object()] * nodes)

    assert operator_share([part("X", 30), part("CPUExecutionProvider", 9), part("X", 1)], "X") == 31 / 40
    assert operator_share([part("CPUExecutionProvider", 3)], "X") == 0.0
    assert operator_share([part("X", 3)], "X") == 1.0
    assert operator_share([], "X") is None


@IDLE
def test_a_fallback_is_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    model, _ = seam.tiny(tmp_path)
    settings: dict[str, Setting] = {"spinning": False}
    one = job(
        tmp_path / "trial",
        model.path,
        settings,
        backend="onnxruntime",
        device="azure",
        measurement=measurement("offline", batch=4),
    )
    report = run_repetition(one, lambda phase: None, 120.0)
    assert report.facts.device_operator_share == 0.0
    assert report.device.kind == "azure"


def test_a_provider_that_does_not_start_is_no_run_on_the_cpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its driver onnxruntime warns and goes on with the CPU."""
    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    if set(listed) <= set(onnxruntime.get_available_providers()):
        pytest.skip("this build has CUDA")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    with pytest.warns(UserWarning, match="not in available provider names"), pytest.raises(EngineError) as caught:
        BACKEND.compile(seam.tiny(tmp_path)[0], find_device(BACKEND, "cuda"), seam.options())
    assert str(caught.value).startswith(
        "onnxruntime could not start CUDAExecutionProvider and would run on CPUExecutionProvider; "
    )


@IDLE
def test_options_that_no_provider_confirms_are_told_apart(tmp_path: Path) -> None:
    settings: dict[str, Setting] = {"provider.device_id": 1, "provider.fast": True}
    compiled = BACKEND.compile(seam.tiny(tmp_path)[0], find_device(BACKEND, "azure"), seam.options(settings=settings))
    assert compiled.facts.applied["provider_options_unconfirmed"] == "device_id=1, fast=1"


def test_a_providers_options_are_those_it_reports() -> None:
    reported = {"device_id": "1", "use_tf32": "0"}
    assert applied_options("X", {"device_id": "1"}, reported) == {"provider.device_id": "1", "provider.use_tf32": "0"}
    with pytest.raises(Unsupported) as caught:
        applied_options("XExecutionProvider", {"device_ids": "1"}, reported)
    assert str(caught.value) == "XExecutionProvider has no option 'device_ids'. Did you mean 'device_id'?"
    assert applied_options("X", {}, {}) == {}


@pytest.mark.parametrize(
    ("reported", "precision"),
    [
        ({}, "fp32"),
        ({"use_tf32": "1", "device_id": "1"}, "tf32"),
        ({"use_tf32": "0", "device_id": "1"}, "fp32"),
        ({"trt_fp16_enable": "1"}, "fp16"),
        ({"trt_fp16_enable": "True", "trt_int8_enable": "0"}, "fp16"),
        ({"migraphx_fp16_enable": "1", "migraphx_int8_enable": "1"}, "int8"),
    ],
)
def test_the_precision_is_what_a_providers_options_allow(reported: dict[str, str], precision: str) -> None:
    assert executed("fp32", reported) == precision


# --------------------------------------------------------------------------------------------------------- int8


@pytest.mark.parametrize(("name", "floats"), [("image_classify", 0), ("speech_command", 2)])
def test_the_suites_int8_file_runs_in_int8(name: str, floats: int) -> None:
    """The weights' own rounding is folded, and every product that the file has in int8 is fused to an integer one."""
    model = load_workload(name).model("int8")
    counted = graph_statistics(model.path)
    compiled = BACKEND.compile(model, CPU, seam.options("int8"))
    products = len(counted.macs_by_node)
    assert compiled.facts.precision_executed == "int8"
    assert compiled.facts.int8_share == counted.int8_share == (products - floats) / products
    told = f"int8: {products - floats}"
    assert compiled.facts.applied["arithmetic"] == (f"fp32: {floats}, {told}" if floats else told)
    compiled.close()


def test_nothing_of_what_was_written_down_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    BACKEND.compile(seam.speech("int8")[0], CPU, seam.options("int8")).close()
    assert list(tmp_path.iterdir()) == []


def test_no_room_to_write_it_down_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(EngineError, match="TMPDIR") as caught:
        BACKEND.compile(seam.speech("int8")[0], CPU, seam.options("int8"))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("level", ["disable", "basic"])
def test_a_quantised_file_that_is_not_fused_is_told_as_float(level: str) -> None:
    model, inputs = seam.speech("int8")
    facts, found = seam.answers(BACKEND, model, inputs, settings={"graph_optimization": level}, precision="int8")
    assert (facts.precision_executed, facts.int8_share) == ("fp32", 0.0)
    fused = seam.answers(BACKEND, model, inputs, precision="int8")[1]
    assert 0 < seam.worst_error(fused, found) < 0.2, "the same network, otherwise rounded"


def test_a_file_in_float_is_no_int8_however_it_is_asked_for(tmp_path: Path) -> None:
    facts, _ = seam.answers(BACKEND, *seam.tiny(tmp_path), precision="int8")
    assert (facts.precision_executed, facts.int8_share) == ("fp32", None)


def test_a_quantised_file_is_told_as_what_it_is_when_fp32_is_asked_for(tmp_path: Path) -> None:
    model, inputs = seam.quantised(tmp_path)
    facts, _ = seam.answers(BACKEND, model, inputs)
    assert facts.precision_executed in ("fp32", "int8")
    assert facts.int8_share is not None


# ------------------------------------------------------------------------------------------------- hostile input


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"spining": True}, "onnxruntime has no setting 'spining'. Did you mean 'spinning'?"),
        (
            {"graph_optimization": "al"},
            "onnxruntime's setting 'graph_optimization' cannot be 'al'. Did you mean 'all'?",
        ),
        ({"spinning": 1}, "onnxruntime's setting 'spinning' cannot be 1. Known: true, false."),
    ],
)
def test_settings_are_checked(settings: dict[str, Setting], said: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        BACKEND.compile(seam.tiny(tmp_path)[0], CPU, seam.options(settings=settings))
    assert str(caught.value) == said


def test_what_is_set_is_applied(tmp_path: Path) -> None:
    settings: dict[str, Setting] = {"graph_optimization": "basic", "spinning": False}
    facts, _ = seam.answers(BACKEND, *seam.tiny(tmp_path), settings=settings, threads=2)
    assert facts.applied["graph_optimization"] == "basic"
    assert facts.applied["spinning"] is False
    assert facts.applied["intra_op_threads"] == 2


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    model = msgspec.structs.replace(seam.tiny(tmp_path)[0], path=seam.broken_onnx(tmp_path / "broken.onnx"))
    with pytest.raises(EngineError, match=r"onnxruntime cannot load broken\.onnx: ") as caught:
        BACKEND.compile(model, CPU, seam.options())
    assert "\n" not in str(caught.value)


def test_arrays_of_another_form_are_refused(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    session = BACKEND.compile(model, CPU, seam.options()).open(0)
    for given, into in seam.wrong_forms(model, inputs["x"][:4]):
        with pytest.raises(EngineError) as caught:
            session.run({"x": given}, into)
        assert "\n" not in str(caught.value)


def test_an_error_is_told_without_where_it_was_thrown() -> None:
    told = RuntimeError(
        "/src/python/state.cc:1053 std::shared_ptr<F> make(const O&, const M&) Invalid option: a (b) c\nmore"
    )
    assert words(told) == "Invalid option: a (b) c"
    assert words(RuntimeError("[E] : 2 : Unexpected input (tensor(float)) here")).startswith("[E] : 2 : Unexpected")
    assert words(RuntimeError("")) == "RuntimeError"


def test_a_precision_that_the_device_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match=r"onnxruntime on cpu:0 runs fp32, int8; bf16 was asked for\."):
        BACKEND.compile(seam.tiny(tmp_path)[0], CPU, seam.options("bf16"))
