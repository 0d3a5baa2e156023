"""Discovery: an order of its own, drivers that are broken, and reasons."""

from __future__ import annotations

from typing import Any  # stand-ins for pyopencl's objects

import pytest

from bench.backends import checks
from bench.backends.base import Unsupported, find_device
from bench.backends.opencl import device as devices
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.errors import failure

cl = pytest.importorskip("pyopencl", reason="the extra `opencl` is not installed")


class Platform:
    def __init__(self, name: str, *made: tuple[str, int], error: str = "") -> None:
        self.name, self.version, self._error = name, "OpenCL 1.2", error
        self._devices = [Device(self, title, kind) for title, kind in made]

    def get_devices(self) -> list[Any]:
        if self._error:
            raise cl.RuntimeError(self._error)
        return self._devices


class Device:
    """A device that needs no compiler, as an FPGA card does."""

    available, compiler_available, host_unified_memory = True, False, False
    global_mem_size, max_compute_units, native_vector_width_float = 1 << 33, 4, 16
    driver_version, extensions = "1", "cl_khr_fp64"

    def __init__(self, platform: Platform, name: str, kind: int) -> None:
        self.platform, self.name, self.type = platform, name, kind


CARDS = Platform("Acme", ("card b", 8), ("card a", 8)), Platform("Zeta", ("chip", 4)), Platform("Beta", ("card a", 8))


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_addresses_do_not_depend_on_the_order_of_drivers(
    order: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cl, "get_platforms", lambda: [CARDS[k] for k in order])
    assert [(one.address, one.title) for one in BACKEND.devices()] == [
        ("accelerator:0", "card a (Acme)"),
        ("accelerator:1", "card b (Acme)"),
        ("accelerator:2", "card a (Beta)"),
        ("gpu:0", "chip (Zeta)"),
    ]
    assert {one.memory_bytes for one in BACKEND.devices()} == {1 << 33}


def test_one_broken_driver_leaves_the_others_usable(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Platform("Broken", error="clGetDeviceIDs failed: OUT_OF_RESOURCES\nmore")
    empty = Platform("Empty", error="clGetDeviceIDs failed: DEVICE_NOT_FOUND")
    monkeypatch.setattr(cl, "get_platforms", lambda: [broken, CARDS[1], empty])
    assert [one.address for one in BACKEND.devices()] == ["gpu:0"]
    assert BACKEND.unusable() == {"Broken": "clGetDeviceIDs failed: OUT_OF_RESOURCES"}


def test_a_driver_whose_compiler_fails_is_not_offered_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PoCL does on a processor that is younger than its LLVM."""
    old = Platform("PoCL", ("processor", 2))
    old.get_devices()[0].compiler_available = True
    log = "clBuildProgram failed: BUILD_PROGRAM_FAILURE\n\nBuild on …\n\nerror: unknown target CPU 'generic'\n"

    def fail(*given: object) -> None:
        raise cl.RuntimeError(log)

    monkeypatch.setattr(cl, "get_platforms", lambda: [old])
    monkeypatch.setattr(cl, "Context", fail)
    assert BACKEND.devices() == []
    (why,) = BACKEND.unusable().values()
    assert why.startswith("it cannot compile a kernel (error: unknown target CPU 'generic'); it is older than")
    assert "it is older than this processor" in BACKEND.why_none()


def test_without_drivers_or_package_there_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise cl.LogicError("clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR")

    monkeypatch.setattr(cl, "get_platforms", fail)
    assert BACKEND.devices() == []
    assert "no OpenCL driver answers (clGetPlatformIDs failed: PLATFORM_NOT_FOUND_KHR)" in BACKEND.why_none()
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert BACKEND.devices() == []
    with pytest.raises(Unsupported, match=r"the package 'pyopencl' is not installed; `pip install"):
        find_device(BACKEND, "cpu")


def test_the_platform_can_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cl, "get_platforms", lambda: list(CARDS))
    card = BACKEND.devices()[2]
    assert devices.look_up(card, "beta").platform == "Beta"
    with pytest.raises(Unsupported, match=r"opencl's accelerator:2 is of the platform 'Beta'; .* asks for 'acme'"):
        devices.look_up(card, "acme")


def test_halves_are_offered_where_the_device_has_them(monkeypatch: pytest.MonkeyPatch) -> None:
    cards = Platform("Acme", ("card a", 8), ("card b", 8))
    monkeypatch.setattr(cards.get_devices()[0], "extensions", "cl_khr_fp64 cl_khr_fp16 cl_khr_icd", raising=False)
    monkeypatch.setattr(cl, "get_platforms", lambda: [cards])
    assert [one.precisions for one in BACKEND.devices()] == [("fp32", "fp16", "int8"), ("fp32", "int8")]


@pytest.mark.parametrize(
    ("words", "kind", "said"),
    [
        ("clCreateBuffer failed: MEM_OBJECT_ALLOCATION_FAILURE", "OutOfMemory", "MEM_OBJECT"),
        ("clCreateBuffer failed: INVALID_BUFFER_SIZE", "OutOfMemory", "INVALID_BUFFER_SIZE"),
        ("clFinish failed: DEVICE_NOT_AVAILABLE", "DeviceLost", "DEVICE_NOT_AVAILABLE"),
        ("clFinish failed: OUT_OF_RESOURCES", "EngineError", "OUT_OF_RESOURCES"),
        (
            "clBuildProgram failed: BUILD_PROGRAM_FAILURE\nBuild on x:\n\na.cl:3:1: error: no such thing\n1 error",
            "EngineError",
            "doing: BUILD_PROGRAM_FAILURE, a.cl:3:1: error: no such thing",
        ),
    ],
)
def test_errors_of_drivers_are_the_seams(words: str, kind: str, said: str) -> None:
    error = failure(cl.RuntimeError(words), "doing")
    assert type(error).__name__ == kind
    assert said in str(error)
    assert "\n" not in str(error)
