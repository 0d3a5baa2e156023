"""What pyopencl raises, as the seam knows it, in one line."""

from __future__ import annotations

from bench.backends.base import DeviceLost, EngineError
from bench.backends.causes import translated

# pyopencl leaves out the prefix CL_ that the headers have. A buffer larger than the device allows does not fit either.
_NO_MEMORY = (
    "MEM_OBJECT_ALLOCATION_FAILURE",
    "OUT_OF_HOST_MEMORY",
    "INVALID_BUFFER_SIZE",
)
_LOST = ("DEVICE_NOT_AVAILABLE",)


def failure(error: Exception, doing: str) -> EngineError:
    """`error` after what was being done."""
    words = (str(error).strip() or type(error).__name__).splitlines()
    line = f"{doing}: {_first_complaint(words)}"
    if any(lost in words[0] for lost in _LOST):
        return DeviceLost(line)
    return translated(error, line, _NO_MEMORY)


def _first_complaint(words: list[str]) -> str:
    """The compiler's first error where a build failed, and the error itself otherwise."""
    if "BUILD_PROGRAM_FAILURE" in words[0]:
        found = next((line.strip() for line in words if "error:" in line), None)
        if found is not None:
            return f"BUILD_PROGRAM_FAILURE, {found}"
    return words[0]
