"""What engines' errors say of memory that ran out and devices that are lost, by the words of drivers in them.

Engines hand on what their drivers say and add words of their own, which each backend knows for itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bench.backends.base import EngineError, cause_of, engine_error
from bench.records.findings import Cause

# onnxruntime: `CUDA failure 719: unspecified launch failure ; GPU=0`; torch: `CUDA error: unspecified launch failure`.
_RUNTIME = re.compile(r"\b(?:CUDA|HIP) (?:failure|error)(?: (\w+))?: ?([^;\n]*)")
# Numbers and words of CUDA's runtime, which HIP shares: after these the process's context can do nothing more. Whether
# the card, the driver or a wrong kernel was at fault, the runtime does not know either.
_CONTEXT_LOST = {
    214: "uncorrectable ECC error encountered",
    220: "uncorrectable NVLink error detected during the execution",
    700: "an illegal memory access was encountered",
    702: "the launch timed out and was terminated",
    709: "context is destroyed",
    710: "device-side assert triggered",
    714: "hardware stack error",
    715: "an illegal instruction was encountered",
    716: "misaligned address",
    717: "operation not supported on global/shared address space",
    718: "invalid program counter",
    719: "unspecified launch failure",
    999: "unknown error",
}
_LOST_NAMES = {"cudaErrorLaunchFailure", "cudaErrorIllegalAddress", "cudaErrorECCUncorrectable", "cudaErrorUnknown"}
# Level Zero and what stands above it; DirectX (removed, hung, reset, driver error).
_LOST = re.compile(r"\b(?:ZE|UR)_RESULT_ERROR_DEVICE_LOST\b|\b887A00(?:0[567]|20)\b", re.IGNORECASE)
# OpenCL's CL_OUT_OF_RESOURCES is not among them: it is also what a kernel gets that reads beyond its memory.
_NO_MEMORY = re.compile(
    r"\bout of memory\b|\bstd::bad_alloc\b|_STATUS_ALLOC_FAILED\b"
    r"|\b(?:ZE|UR)_RESULT_ERROR_OUT_OF_(?:DEVICE|HOST)_MEMORY\b"
    r"|\bCL_MEM_OBJECT_ALLOCATION_FAILURE\b|\bCL_OUT_OF_HOST_MEMORY\b|\b8007000E\b",
    re.IGNORECASE,
)


def translated(error: Exception, line: str, no_memory: Sequence[str] = (), number: int | None = None) -> EngineError:
    """`error` of an engine as the seam knows it, told in `line`.

    `no_memory`: what the engine itself says when memory runs out. `number`: the runtime's, where the error carries it.
    """
    text = str(error)
    cause = cause_of(error) or told_cause(text, number)
    if cause is None and any(words in text for words in no_memory):
        cause = "out-of-memory"
    return engine_error(line, cause)


def told_cause(text: str, number: int | None = None) -> Cause | None:
    """What the words of a driver somewhere in `text` say, or its runtime's error number."""
    if _NO_MEMORY.search(text):
        return "out-of-memory"
    runtime = _RUNTIME.findall(text)  # without its name a number may be another maker's
    lost = _LOST.search(text) is not None or (bool(runtime) and number in _CONTEXT_LOST)
    return "device-lost" if lost or any(_ends_context(*found) for found in runtime) else None


def _ends_context(name: str, words: str) -> bool:
    if name.isdecimal():
        return int(name) in _CONTEXT_LOST
    return name in _LOST_NAMES or words.strip() in _CONTEXT_LOST.values()
