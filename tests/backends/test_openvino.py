"""OpenVINO behind the seam: right answers, the precision that is really executed, and clear refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import msgspec
import numpy as np
import pytest

from bench.backends import checks
from bench.backends.arithmetic import coarsest
from bench.backends.base import EngineError, Model, OutOfMemory, Tensor, Unsupported, find_device
from bench.backends.openvino import BACKEND, _keep_quiet, _Session
from bench.backends.openvino_readback import reason
from bench.hardware.container import usable_cores
from bench.host import probe
from bench.loadgen.supervisor import run_repetition
from bench.models.graph import graph_statistics
from bench.models.suite import load_workload
from bench.records.host import Device
from bench.records.plan import Setting
from bench.scoring.numeric import sample_errors
from bench.tasks.base import ERROR_CLASS

from ..fixtures import job, measurement
from . import seam

_keep_quiet()  # here, too, before the import that would write into the home folder
openvino = pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
CPU = next(device for device in BACKEND.devices() if device.kind == "cpu")


def compiled(model: Model, **changes: object):  # type: ignore[no-untyped-def]
    return BACKEND.compile(model, CPU, seam.options(**changes))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("precision", CPU.precisions)
def test_the_precision_that_is_asked_for_is_executed_and_told(precision: str) -> None:
    model, inputs = seam.speech(precision)
    facts, found = seam.answers(BACKEND, model, inputs, precision=precision)
    error = seam.worst_error(found, seam.reference(seam.speech()[0], inputs))
    assert facts.precision_executed == precision
    assert error <= ERROR_CLASS[precision]
    assert (error > ERROR_CLASS["fp32"]) == (precision != "fp32"), "what is told is what the numbers show"
    assert facts.engine == "openvino"
    assert facts.engine_version == openvino.__version__
    assert facts.device_operator_share == 1.0


def test_what_openvino_chooses_by_itself_is_told() -> None:
    """On processors with bf16 it takes that for a file that says float32, whatever was asked for."""
    model, inputs = seam.speech()
    facts, found = seam.answers(BACKEND, model, inputs, settings={"inference_precision": "auto"})
    error = seam.worst_error(found, seam.reference(model, inputs))
    assert (error > ERROR_CLASS["fp32"]) == (facts.precision_executed != "fp32")
    assert ("bf16" in CPU.precisions) == (facts.precision_executed == "bf16")
    assert str(facts.applied["arithmetic"]).startswith(f"{facts.precision_executed}: ")


def test_int8_is_told_of_a_quantised_file(tmp_path: Path) -> None:
    model, inputs = seam.quantised(tmp_path)
    facts, found = seam.answers(BACKEND, model, inputs)
    assert facts.precision_executed == "int8"
    assert seam.worst_error(found, seam.reference(model, inputs)) < 0.02


@pytest.mark.parametrize(("name", "floats"), [("image_classify", 0), ("speech_command", 2)])
def test_the_suites_int8_file_runs_in_int8(name: str, floats: int) -> None:
    model = load_workload(name).model("int8")
    counted = graph_statistics(model.path)
    facts = compiled(model, precision="int8").facts
    assert facts.precision_executed == "int8"
    assert facts.int8_share == counted.int8_share
    products = len(counted.macs_by_node)
    assert str(facts.applied["arithmetic"]).split(", ")[-1] == f"int8: {products - floats}"
    assert facts.applied["inference_precision_hint"] == "fp32", "what stays float is not bf16"


def test_engines_agree_on_the_suites_int8_file() -> None:
    """As far as rounding goes: their sums are exact, what lies between them is not."""
    model, inputs = seam.speech("int8")
    _, found = seam.answers(BACKEND, model, inputs, precision="int8")
    assert np.median(sample_errors(found["logits"], seam.reference(model, inputs)["logits"])) < 0.05


def test_the_coarsest_arithmetic_counts() -> None:
    from collections import Counter

    assert coarsest(Counter({"fp32": 40, "bf16": 1})) == "bf16"
    assert coarsest(Counter({"int8": 1, "bf16": 9, "fp16": 3})) == "int8"
    assert coarsest(Counter({"fp32": 3, "u4": 1})) == "u4", "what is not known is told as it is"
    assert coarsest(Counter()) is None


@pytest.mark.parametrize("axis", ["fixed", "free"])
@pytest.mark.parametrize("make", [seam.tiny, seam.two_way])
def test_every_batch_size_gives_the_same_answers(
    make: Callable[[Path], tuple[Model, seam.Named]], axis: str, tmp_path: Path
) -> None:
    model, inputs = make(tmp_path)
    expected = seam.reference(model, inputs)
    for sizes in ((4, 4, 4), (1, 3, 4, 2, 2), (1,) * 12):
        facts, found = seam.answers(BACKEND, model, inputs, sizes, settings={"batch_axis": axis})
        assert seam.worst_error(found, expected) <= ERROR_CLASS["fp32"]
        assert facts.applied["batch_axis"] == axis


def test_batches_that_vary_while_the_clock_runs_are_not_filled_up(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    facts, found = seam.answers(BACKEND, model, inputs, (1, 3, 4, 1, 3), varying_batch=True)
    assert facts.applied["batch_axis"] == "free"
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]
    # What a user says holds.
    chosen = seam.answers(BACKEND, model, inputs, (4, 4, 4), varying_batch=True, settings={"batch_axis": "fixed"})[0]
    assert chosen.applied["batch_axis"] == "fixed"


def test_a_file_with_a_fixed_batch(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    from ..fixtures import tiny_onnx

    fixed = msgspec.structs.replace(model, path=tiny_onnx(tmp_path / "fixed.onnx", batch=4), fixed_batch=4)
    _, found = seam.answers(BACKEND, fixed, inputs)
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]


def test_a_session_repeats_itself() -> None:
    model, inputs = seam.speech()
    session = compiled(model).open(0)
    first, second = (seam.ask(session, model, inputs, (4, 4, 4))["logits"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_sessions_at_once_do_not_disturb_one_another() -> None:
    model, inputs = seam.speech()
    errors = seam.errors_at_once(compiled(model, workers=3), model, inputs, workers=3)
    assert len(errors) == 3
    assert max(errors) <= ERROR_CLASS["fp32"]


def test_inputs_may_be_read_only_or_strided(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    expected = seam.reference(model, inputs)
    session = compiled(model).open(0)
    locked = inputs["x"].copy()
    locked.flags.writeable = False
    strided = np.zeros((12, 3, 8, 16), np.uint8)[..., ::2]
    strided[...] = inputs["x"]
    for given in (locked, strided):
        found = seam.ask(session, model, {"x": given}, (4, 4, 4))
        assert seam.worst_error(found, expected) <= ERROR_CLASS["fp32"]


# ------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("workers", "threads", "settings", "applied"),
    [
        (1, 1, {}, {"streams": 1, "threads": 1, "hint": "latency"}),
        (2, 1, {}, {"streams": 2, "threads": 2}),
        (1, 2, {}, {"streams": 1, "threads": 2}),
        (1, 2, {"streams": 2}, {"streams": 2, "threads": 2}),
        (1, 1, {"hint": "throughput"}, {"streams": 1, "threads": 1, "hint": "throughput"}),
        (1, 2, {"hint": "throughput", "streams": 1}, {"streams": 1, "threads": 2, "hint": "throughput"}),
    ],
)
def test_threads_and_streams_are_read_back(
    workers: int, threads: int, settings: dict[str, Setting], applied: dict[str, Setting], tmp_path: Path
) -> None:
    model, _ = seam.tiny(tmp_path)
    if workers * threads > usable_cores():
        pytest.skip("OpenVINO takes no more threads than there are cores")
    facts = compiled(model, workers=workers, threads=threads, settings=settings).facts
    assert {name: facts.applied[name] for name in applied} == applied


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hnt": "latency"}, "openvino has no setting 'hnt'. Did you mean 'hint'?"),
        ({"hint": "troughput"}, "openvino's setting 'hint' cannot be 'troughput'. Did you mean 'throughput'?"),
        (
            {"inference_precision": "int3"},
            "openvino's setting 'inference_precision' cannot be 'int3'. Known: asked, auto.",
        ),
        ({"streams": 0}, "openvino's setting 'streams' is 0; expected a whole number from 1 to 1024."),
        ({"streams": True}, "openvino's setting 'streams' is True; expected a whole number from 1 to 1024."),
        ({"streams": "two"}, "openvino's setting 'streams' is 'two'; expected a whole number from 1 to 1024."),
    ],
)
def test_settings_are_checked(settings: dict[str, Setting], said: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        compiled(seam.tiny(tmp_path)[0], settings=settings)
    assert str(caught.value) == said


@pytest.mark.parametrize("precision", sorted({"fp16", "bf16", "int8"} - set(CPU.precisions)))
def test_a_precision_that_the_device_lacks_is_refused(precision: str, tmp_path: Path) -> None:
    """Asked for fp16 on such a processor, OpenVINO would silently execute bf16."""
    with pytest.raises(Unsupported, match=rf"openvino on cpu:0 runs .*fp32.*; {precision} was asked for\."):
        compiled(seam.tiny(tmp_path)[0], precision=precision)


# ------------------------------------------------------------------------------------------------- hostile input


def said_in_one_line(error: pytest.ExceptionInfo[EngineError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert "Exception from" not in text
    assert text.startswith("openvino")
    return text


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    model = msgspec.structs.replace(seam.tiny(tmp_path)[0], path=seam.broken_onnx(tmp_path / "broken.onnx"))
    with pytest.raises(EngineError) as caught:
        compiled(model)
    assert "cannot compile broken.onnx: Unable to read the model" in said_in_one_line(caught)


def test_a_model_that_is_not_as_declared(tmp_path: Path) -> None:
    model, _ = seam.tiny(tmp_path)
    (logits,) = model.outputs
    for changed, said in (
        (
            msgspec.structs.replace(logits, name="lgits"),
            "openvino finds no output 'lgits' in the model; it has logits.",
        ),
        (
            msgspec.structs.replace(logits, dtype="float16"),
            "openvino has output 'logits' as f32[5]; declared is float16[5].",
        ),
        (
            msgspec.structs.replace(logits, shape=(6,)),
            "openvino has output 'logits' as f32[5]; declared is float32[6].",
        ),
        (
            msgspec.structs.replace(logits, shape=(5, 1)),
            "openvino has output 'logits' as f32[5]; declared is float32[5, 1].",
        ),
    ):
        with pytest.raises(EngineError) as caught:
            compiled(msgspec.structs.replace(model, outputs=(changed,)))
        assert str(caught.value) == said


@pytest.mark.parametrize("axis", ["fixed", "free"])
def test_arrays_of_another_form_are_refused(axis: str, tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    session = compiled(model, settings={"batch_axis": axis}).open(0)
    good = inputs["x"][:4]
    too_many = (inputs["x"][:5], {"logits": np.zeros((4, 5), np.float32)})
    for given, into in (*seam.wrong_forms(model, good), too_many):
        with pytest.raises(EngineError) as caught:
            session.run({"x": given}, into)
        said_in_one_line(caught)
    assert seam.worst_error(seam.ask(session, model, inputs, (4,)), seam.reference(model, {"x": good})) < 1e-5


def test_a_batch_over_the_compiled_one_is_refused(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    with pytest.raises(EngineError, match="a batch of 5 came; it is made ready for 4 at most"):
        seam.ask(compiled(model).open(0), model, inputs, (5,))


def test_an_error_is_told_without_where_it_was_thrown() -> None:
    error = RuntimeError("Exception from src/a.cpp:1:\nCheck 'x' failed at src/b.cpp:2:\nNo such\n thing\n\n")
    assert reason(error) == "No such thing"
    assert reason(RuntimeError("Exception from src/a.cpp:1")) == "Exception from src/a.cpp:1"
    assert reason(RuntimeError("")) == "RuntimeError"


# ----------------------------------------------------------------------------------------------------- discovery


def test_without_the_package_there_is_no_device_and_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert BACKEND.devices() == []
    why = "the package 'openvino' is not installed; `pip install 'inference-bench[openvino]'` brings it"
    assert list(probe._answers("openvino")) == [probe.Probe(backend="openvino", why=why)]
    with pytest.raises(Unsupported) as caught:
        find_device(BACKEND, "cpu")
    assert str(caught.value) == f"Backend 'openvino' has no device 'cpu'. It sees none here: {why}."


def test_nothing_is_written_into_the_home_folder_and_nobody_called(tmp_path: Path) -> None:
    """OpenVINO's telemetry does both when OpenVINO is imported."""
    code = (
        "import sys; from bench.backends.openvino import BACKEND as b; print(len(b.devices()), "
        "bool(sys.modules.get('openvino_telemetry')))"
    )
    env = {**os.environ, "HOME": str(tmp_path), "CI": ""}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(BACKEND.devices())), "False"]
    assert list(tmp_path.iterdir()) == []


class Core:
    """OpenVINO's front door on a machine with two GPUs and an NPU; compiling there fails and tells what was asked."""

    available_devices = ("CPU", "GPU.0", "GPU.1", "NPU")
    _PROPERTIES: ClassVar[dict[str, dict[str, object]]] = {
        "CPU": {"FULL_DEVICE_NAME": "a processor", "OPTIMIZATION_CAPABILITIES": ["FP32", "INT8"]},
        "GPU": {
            "FULL_DEVICE_NAME": "a card",
            "OPTIMIZATION_CAPABILITIES": ["FP32", "FP16", "INT8"],
            "GPU_DEVICE_TOTAL_MEM_SIZE": 1 << 33,
            "NUM_STREAMS": 1,
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f16",
        },
        "NPU": {"FULL_DEVICE_NAME": "an NPU", "OPTIMIZATION_CAPABILITIES": ["FP16", "INT8"]},
    }

    def get_property(self, device: str, key: str) -> object:
        mine = self._PROPERTIES[device.partition(".")[0]]
        return dict.fromkeys(mine, "RW") if key == "SUPPORTED_PROPERTIES" else mine[key]

    def compile_model(self, network: object, device: str, configuration: object) -> None:
        raise RuntimeError(f"Exception from src/plugin.cpp:1:\nlost {device} {configuration}\n")

    # What tests of this class hold on to.
    real = openvino.Core


def test_devices_are_listed_as_openvino_reports_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino, "Core", Core)
    assert BACKEND.devices() == [
        Device(kind="cpu", title="a processor", precisions=("fp32", "int8")),
        Device(kind="gpu", index=0, title="a card", memory_bytes=1 << 33, precisions=("fp32", "fp16", "int8")),
        Device(kind="gpu", index=1, title="a card", memory_bytes=1 << 33, precisions=("fp32", "fp16", "int8")),
        Device(kind="npu", title="an NPU", precisions=("fp16", "int8")),
    ]


def test_a_device_is_asked_only_for_what_it_knows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model, _ = seam.tiny(tmp_path)
    real = openvino.Core()
    monkeypatch.setattr(Core, "read_model", lambda self, path: real.read_model(path), raising=False)
    monkeypatch.setattr(openvino, "Core", Core)
    card = find_device(BACKEND, "gpu:1")
    with pytest.raises(EngineError) as caught:
        BACKEND.compile(model, card, seam.options("fp16", workers=3))
    asked = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 3, "INFERENCE_PRECISION_HINT": "f16"}
    assert str(caught.value) == f"openvino cannot compile tiny.onnx: lost GPU.1 {asked}"


def test_a_device_that_has_gone_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(openvino, "Core", Core)
    with pytest.raises(Unsupported, match=r"openvino sees CPU, GPU.0, GPU.1, NPU; gpu:7 has gone"):
        BACKEND.compile(seam.tiny(tmp_path)[0], Device(kind="gpu", index=7), seam.options())


def test_a_driver_that_fails_is_told_by_the_list_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("libOpenCL.so.1: cannot open\nshared object file")

    monkeypatch.setattr(openvino, "Core", fail)
    assert next(probe._answers("openvino")).why == "RuntimeError: libOpenCL.so.1: cannot open shared object file"


class QuietRequest:
    """infer() of OpenVINO 2026.4 where forms are dynamic: it returns without an answer; wait() says why."""

    def __init__(self, why: str | None) -> None:
        self._why, self.log = why, list[str]()

    def set_input_tensor(self, position: int, tensor: object) -> None: ...

    def set_output_tensor(self, position: int, tensor: object) -> None:
        self._out = tensor.data  # type: ignore[attr-defined]

    def infer(self) -> None:
        self.log.append("infer")

    def start_async(self) -> None:
        self.log.append("start_async")

    def wait(self) -> None:
        self.log.append("wait")
        if self._why is not None:
            raise RuntimeError(self._why)
        self._out[...] = 7.0


def quiet_session(request: QuietRequest, dynamic: bool = True) -> _Session:
    return _Session(
        request,
        [(0, Tensor(name="x", dtype="float32", shape=(3,)))],
        [(0, Tensor(name="y", dtype="float32", shape=(3,)))],
        None,
        dynamic,
    )  # type: ignore[arg-type]


def test_a_lack_of_memory_that_infer_keeps_to_itself_is_told() -> None:
    why = (
        "Caught exception: Check 'ptr' failed at src/cpu_memory.cpp:257: Failed to allocate 1073760000 bytes of memory"
    )
    given, out = {"x": np.zeros((2, 3), np.float32)}, {"y": np.zeros((2, 3), np.float32)}
    with pytest.raises(OutOfMemory, match="Failed to allocate 1073760000 bytes"):
        quiet_session(QuietRequest(why)).run(given, out)
    with pytest.raises(EngineError, match="something else"):
        quiet_session(QuietRequest("something else")).run(given, out)


def test_what_infer_did_not_answer_is_asked_once_more() -> None:
    request, out = QuietRequest(None), {"y": np.zeros((2, 3), np.float32)}
    quiet_session(request).run({"x": np.zeros((2, 3), np.float32)}, out)
    assert request.log == ["infer", "start_async", "wait"]
    assert (out["y"] == 7.0).all()
    fixed = QuietRequest(None)
    quiet_session(fixed, dynamic=False).run({"x": np.zeros((2, 3), np.float32)}, out)
    assert fixed.log == ["infer"], "where forms are fixed memory is there before anything runs"


# ------------------------------------------------------------------------------------------------ a whole repetition


def test_a_repetition_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    model, _ = seam.tiny(tmp_path)
    one = job(
        tmp_path / "trial",
        model.path,
        {"hint": "throughput"},
        backend="openvino",
        measurement=measurement("offline", batch=5, workers=2),
    )
    report = run_repetition(one, lambda phase: None, 60.0)
    assert report.facts.engine == "openvino"
    assert report.facts.precision_executed == "fp32"
    assert report.verification.mismatched == 0
    assert report.bad_samples == 0
