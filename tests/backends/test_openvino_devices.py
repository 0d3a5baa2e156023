"""What OpenVINO and its drivers say of devices and of memory, by stand-ins for both."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from bench.backends import checks
from bench.backends.base import EngineError, OutOfMemory, Tensor, Unsupported, find_device
from bench.backends.openvino import BACKEND, _keep_quiet, _Session
from bench.host import probe
from bench.records.host import Device

from . import seam

_keep_quiet()  # here, too, before the import that would write into the home folder
openvino = pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
CPU = next(device for device in BACKEND.devices() if device.kind == "cpu")


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
