"""What engines say of devices that are not there, too many, busy or broken: never an exception, always a reason."""

from __future__ import annotations

import types
from collections.abc import Callable

import pytest

from bench.backends import onnxruntime as ort_backend
from bench.backends import openvino as openvino_backend
from bench.backends import torch as torch_backend
from bench.backends.base import Unsupported, find_device, unusable

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")

# As torch 2.13 words them; the first line is what is told.
NO_DRIVER = "Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver"
TOO_OLD = "The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver"
NO_CARD = "No CUDA GPUs are available"
BUSY = "CUDA error: CUDA-capable device(s) is/are busy or unavailable\nCUDA kernel errors might be reported later"


def script_torch(
    monkeypatch: pytest.MonkeyPatch,
    count: int,
    init: Callable[[], None] = lambda: None,
    properties: Callable[[int], object] = lambda index: types.SimpleNamespace(name="a card", total_memory=1 << 34),
) -> None:
    """A build for CUDA whose driver sees `count` cards."""
    module = types.SimpleNamespace(init=init, get_device_properties=properties)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("cuda"))
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)
    monkeypatch.setattr(torch, "get_device_module", lambda kind: module)


def raising(words: str) -> Callable[..., None]:
    def fail(*given: object) -> None:
        raise RuntimeError(words)

    return fail


@pytest.mark.parametrize("words", [NO_DRIVER, TOO_OLD, NO_CARD])
def test_torch_without_a_usable_driver_has_its_cpu_and_says_why(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    script_torch(monkeypatch, 0, init=raising(f"{words}\nand more"))
    assert [device.address for device in torch_backend.BACKEND.devices()] == ["cpu:0"]
    assert unusable(torch_backend.BACKEND) == {"cuda": words}
    with pytest.raises(Unsupported) as caught:
        find_device(torch_backend.BACKEND, "cuda:1")
    assert str(caught.value) == f"Backend 'torch' has no device 'cuda:1'. It cannot be used here: {words}."


def test_torch_whose_driver_is_sound_and_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    script_torch(monkeypatch, 0)
    assert unusable(torch_backend.BACKEND) == {"cuda": "its driver reports no device"}


def test_torch_built_for_the_cpu_says_so_to_who_asks_for_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: None)
    with pytest.raises(Unsupported, match=r"no device 'cuda'\. It cannot be used here: torch \S+ is built for the CPU"):
        find_device(torch_backend.BACKEND, "cuda")


def test_a_card_that_another_process_holds_leaves_the_nine_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def properties(index: int) -> object:
        if index == 3:
            raise RuntimeError(BUSY)
        return types.SimpleNamespace(name="a card", total_memory=1 << 34)

    script_torch(monkeypatch, 10, properties=properties)
    cards = [device.address for device in torch_backend.BACKEND.devices()[1:]]
    assert cards == [f"cuda:{index}" for index in range(10) if index != 3]
    assert unusable(torch_backend.BACKEND) == {"cuda:3": BUSY.splitlines()[0]}
    with pytest.raises(Unsupported, match=r"has no device 'cuda:3'\. It cannot be used here: CUDA error: CUDA-capable"):
        find_device(torch_backend.BACKEND, "cuda:3")


class ScriptedCore:
    """OpenVINO with a processor, ten GPUs and an NPU whose driver is broken."""

    available_devices = ("CPU", *(f"GPU.{index}" for index in range(10)), "NPU")

    def get_property(self, name: str, key: str) -> object:
        if name == "NPU":
            raise RuntimeError("Exception from src/inference/src/cpp/core.cpp:256:\nNPU driver too old\n")
        told = {"OPTIMIZATION_CAPABILITIES": ["FP32", "FP16"], "SUPPORTED_PROPERTIES": [], "FULL_DEVICE_NAME": "a card"}
        return told[key]


def test_openvino_lists_what_answers_and_why_the_rest_does_not() -> None:
    found, refused = openvino_backend._listed(ScriptedCore())  # type: ignore[arg-type]
    assert [device.address for device in found] == ["cpu:0", *(f"gpu:{index}" for index in range(10))]
    assert refused == {"npu:0": "NPU driver too old"}


def test_onnxruntime_tries_the_providers_that_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    real = onnxruntime.InferenceSession

    def start(path: str, *given: object, providers: list[tuple[str, object]], **more: object) -> object:
        if providers[0][0] == "CUDAExecutionProvider":
            raise RuntimeError(
                "/src/cuda_call.cc:121 bool CudaCall(int) CUDA failure 35: CUDA driver version is insufficient for "
                "CUDA runtime version ; GPU=0 ; expr=cudaSetDevice(info_.device_id);"
            )
        return real(path, *given, providers=providers, **more)

    listed = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: listed)
    monkeypatch.setattr(onnxruntime, "InferenceSession", start)
    (why,) = (refused := unusable(ort_backend.BACKEND)).values()
    assert list(refused) == ["cuda"]
    assert "CUDA failure 35: CUDA driver version is insufficient" in why


class Odd:
    name = "odd"

    def __init__(self, told: object) -> None:
        self._told = told

    def devices(self) -> list[object]:
        return []

    def unusable(self) -> object:
        if isinstance(self._told, Exception):
            raise self._told
        return self._told


@pytest.mark.parametrize("told", [RuntimeError("no driver"), None, {"cuda": 3}, ["cuda"], {1: "x"}])
def test_a_backend_that_fails_to_say_why_is_no_trouble(told: object) -> None:
    assert unusable(Odd(told)) == {}
    with pytest.raises(Unsupported, match="has no device 'cuda'"):
        find_device(Odd(told), "cuda")  # type: ignore[arg-type]
