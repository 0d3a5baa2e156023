"""`bench.host.inventory` and `bench.processor`: what is known of a machine, and nothing guessed."""

from __future__ import annotations

import os

import pytest

from bench import processor
from bench.host import inventory
from bench.host.engine_environment import engine_environment
from bench.host.inventory import inspect_host, usable_cores
from bench.store.places import cache_directory


def test_this_machine_is_described() -> None:
    host = inspect_host()
    assert host.cpu_model
    assert host.memory_bytes > 1 << 28
    assert 1 <= host.cores_usable <= (os.cpu_count() or 1)
    assert host.packages["numpy"][0].isdigit()
    assert "no-such-package" not in host.packages


def test_nothing_readable_is_nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inventory, "_text", lambda path: None)
    host = inspect_host()
    assert host.governor is host.frequency_max_mhz is host.virtualised is None


@pytest.mark.parametrize(
    ("quota", "expected"),
    [
        (None, 8),
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 2),
        ("50000 100000", 1),
        ("9900000 100000", 8),
    ],
)
def test_a_containers_quota_cuts_the_cores(monkeypatch: pytest.MonkeyPatch, quota: str | None, expected: int) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    monkeypatch.setattr(inventory, "_text", lambda path: quota)
    assert usable_cores() == expected


@pytest.mark.parametrize(
    ("flags", "vendor", "expected"),
    [
        ("flags : fpu vme", "QEMU", "no"),
        ("flags : fpu hypervisor", "QEMU", "QEMU"),
        ("flags : fpu hypervisor", None, "yes"),
        (None, "QEMU", None),
    ],
)
def test_a_virtual_machine_is_known_by_its_flag(
    monkeypatch: pytest.MonkeyPatch, flags: str | None, vendor: str | None, expected: str | None
) -> None:
    monkeypatch.setattr(inventory, "_text", lambda path: flags if path == "/proc/cpuinfo" else vendor)
    assert inventory._virtualised() == expected


def test_a_processor_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "_from_kernel", lambda: None)
    monkeypatch.setattr(processor, "_from_library", lambda: None)
    monkeypatch.setattr("platform.processor", lambda: "")
    assert processor.processor_name.__wrapped__() == "unknown"


def test_engines_find_their_caches_in_ours_and_this_process_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", "/somewhere")
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    monkeypatch.setenv("KEPT", "as it is")
    before = dict(os.environ)
    environment = engine_environment(cache_directory(), threads=3)
    assert dict(os.environ) == before
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment["KEPT"] == "as it is"
    places = [name for name, value in environment.items() if value.startswith("/somewhere/engines/")]
    assert {"POCL_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "CUDA_CACHE_PATH", "MPLCONFIGDIR"} <= set(places)
