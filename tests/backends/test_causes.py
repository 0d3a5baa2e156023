"""`bench.backends.causes`: what engines say when memory runs out or a device is lost, and what only sounds so."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from bench.backends import onnxruntime_sessions as onnxruntime
from bench.backends import openvino
from bench.backends.base import DeviceLost, EngineError, OutOfMemory, Unsupported, cause_of, engine_error
from bench.backends.causes import told_cause, translated

# As users of these engines reported them; places and sizes stand for any.
NO_MEMORY = {
    "onnxruntime, its arena (microsoft/onnxruntime#22702)": (
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Non-zero status code returned while running Conv node. "
        "Name:'/patch_embed/Conv' Status Message: /onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:376 void* "
        "onnxruntime::BFCArena::AllocateRawInternal(size_t, bool, onnxruntime::Stream*, bool, "
        "onnxruntime::WaitNotificationFn) Failed to allocate memory for requested buffer of size 4585490524328388608"
    ),
    "onnxruntime, an arena with a limit": (
        "/onnxruntime_src/onnxruntime/core/framework/bfc_arena.cc:368 Available memory of 1048576 is smaller than "
        "requested bytes of 4194304"
    ),
    "onnxruntime on CUDA": (
        "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 2: out of memory ; GPU=0 ; hostname=host ; "
        "file=cuda_allocator.cc ; line=48 ; expr=cudaMalloc((void**)&p, size);"
    ),
    "onnxruntime, cuBLAS": "CUBLAS failure 3: CUBLAS_STATUS_ALLOC_FAILED ; GPU=0 ; expr=cublasCreate(&cublas_handle_);",
    "onnxruntime, DirectML": "DmlExecutionProvider Exception(3) tid(1) 8007000E Not enough memory resources",
    "OpenVINO, GPU (openvino.genai#2406)": (
        "[GPU] Exceeded max size of memory object allocation: requested 2305843008391495680 bytes, but max alloc size "
        "supported by device is 4294959104 bytes.Please try to reduce batch size or use lower precision."
    ),
    "OpenVINO, NPU": "L0 zeMemAllocHost result: ZE_RESULT_ERROR_OUT_OF_DEVICE_MEMORY, code 0x70000003 - insufficient",
    "torch on CUDA": ("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB"),
    "torch on a plug-in's device": "NPU out of memory. Tried to allocate 2.00 GiB (NPU 0; 32.00 GiB total capacity)",
    "torch, a driver's allocation": "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported",
    "torch on XPU": "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
    "OpenCL": "clEnqueueWriteBuffer failed: MEM_OBJECT_ALLOCATION_FAILURE (CL_MEM_OBJECT_ALLOCATION_FAILURE)",
    "the C++ library": "std::bad_alloc",
}
LOST = {
    "onnxruntime on CUDA (roop-unleashed#32)": (
        "[ONNXRuntimeError] : 1 : FAIL : CUDA failure 719: unspecified launch failure ; GPU=0 ; hostname=host ; "
        "file=gpu_data_transfer.cc ; line=73 ; expr=cudaMemcpyAsync(dst_data, src_data, bytes, cudaMemcpyDeviceToHost)"
    ),
    "onnxruntime, a kernel's fault (microsoft/onnxruntime#14710)": (
        "CUDA failure 700: an illegal memory access was encountered ; GPU=1 ; hostname=host ; expr=cudaLaunch"
    ),
    "onnxruntime, no driver any more (microsoft/onnxruntime#14211)": (
        "CUDA failure 999: unknown error ; GPU=192915439 ; expr=cudaSetDevice(info_.device_id);"
    ),
    "onnxruntime on HIP": "HIP failure 719: unspecified launch failure ; GPU=0 ; hostname=host ; expr=hipStream",
    "onnxruntime, by the name of the error": "CUDA error cudaErrorIllegalAddress:an illegal memory access",
    "onnxruntime, DirectML": "Exception(2) tid(4e8) 887A0006 The GPU will not respond to more commands",
    "OpenVINO, NPU (openvino#31439)": (
        "L0 zeFenceHostSynchronize result: ZE_RESULT_ERROR_DEVICE_LOST, code 0x70000001 - device hung, reset, was "
        "removed, or driver update occurred"
    ),
    "torch on CUDA (pytorch#74235)": "CUDA error: unspecified launch failure\nCUDA kernel errors might be",
    "torch, memory of the card": "CUDA error: uncorrectable ECC error encountered\nSearch for",
    "torch on XPU": "level_zero backend failed with error: 20 (UR_RESULT_ERROR_DEVICE_LOST)",
}
NEITHER = {
    "an argument": "CUDA failure 1: invalid argument ; GPU=1 ; hostname=host ; expr=cudaMemcpyAsync(output, input)",
    "no driver": "CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version ; expr=cuda",
    "a busy card": "CUDA error: all CUDA-capable devices are busy or unavailable",
    "a kernel that is missing": "CUDA error: no kernel image is available for execution on the device",
    # As OpenVINO itself says: want of memory, or a kernel that reads beyond its own.
    "resources, of whatever kind": "[GPU] CL_OUT_OF_RESOURCES exception.",
    "a shape": "[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Got invalid dimensions for input: x index: 1 Got: 719",
    "an error that nobody knows, of no runtime": "unknown error",
    "a number that happens to be one": "failed after 719 attempts",
}


@pytest.mark.parametrize("text", NO_MEMORY.values(), ids=NO_MEMORY)
def test_want_of_memory(text: str) -> None:
    own = (*onnxruntime.NO_MEMORY, *openvino._NO_MEMORY)
    error = translated(RuntimeError(text), "engine: words", own)
    assert type(error) is OutOfMemory
    assert str(error) == "engine: words"


@pytest.mark.parametrize("text", LOST.values(), ids=LOST)
def test_a_lost_device(text: str) -> None:
    assert type(translated(RuntimeError(text), "engine: words")) is DeviceLost


@pytest.mark.parametrize("text", NEITHER.values(), ids=NEITHER)
def test_neither(text: str) -> None:
    assert type(translated(RuntimeError(text), "engine: words")) is EngineError


def test_the_number_of_the_runtime_says_it_without_words() -> None:
    assert told_cause("CUDA error: (translated)", 719) == "device-lost"
    assert told_cause("CUDA error: (translated)", 98) is None
    assert told_cause("NPU error: (another maker's)", 719) is None


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OutOfMemory("x"), "out-of-memory"),
        (MemoryError(), "out-of-memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out-of-memory"),
        (OSError(errno.ENOSPC, "No space left on device"), None),
        (DeviceLost("x"), "device-lost"),
        (Unsupported("x"), None),
        (EngineError("out of memory"), None),
        (ValueError("x"), None),
    ],
)
def test_what_an_error_of_the_seam_says(error: Exception, cause: str | None) -> None:
    assert cause_of(error) == cause


@pytest.mark.parametrize("cause", ["out-of-memory", "device-lost", None])
def test_an_error_is_made_from_its_cause(cause: str | None) -> None:
    assert cause_of(engine_error("x", cause)) == cause  # type: ignore[arg-type]


def test_a_driver_that_is_scripted_speaks_through_onnxruntime(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What onnxruntime raises when a provider's driver fails comes out of `run` as the seam's error, in one line."""

    class Fail(Exception):
        pass

    class Lost:
        def run(self, names: object, feed: object) -> None:
            raise Fail(LOST["onnxruntime on CUDA (roop-unleashed#32)"])

    session = onnxruntime.FedSession.__new__(onnxruntime.FedSession)
    session._run, session._names = Lost().run, ["y"]
    with pytest.raises(DeviceLost, match=r"^onnxruntime: \[ONNXRuntimeError\] : 1 : FAIL : CUDA failure 719"):
        session.run({}, {})
