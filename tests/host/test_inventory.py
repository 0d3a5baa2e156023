"""`bench.host.inventory` and `bench.processor`: what is known of a machine, and nothing guessed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench import processor
from bench.hardware.container import usable_cores
from bench.hardware.files import Files
from bench.hardware.platform import virtualised
from bench.host import inventory
from bench.host.engine_environment import engine_environment
from bench.host.inventory import inspect_host
from bench.store.places import cache_directory

from ..hardware.machines import plant


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
    assert host.governor is host.frequency_max_mhz is None


def test_a_containers_limits_cut_the_cores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    for quota, expected in (
        (None, 8),
        ("max 100000", 8),
        ("200000 100000", 2),
        ("250000 100000", 2),
        ("50000 100000", 1),
        ("9900000 100000", 8),
        ("-1 0", 8),
        ("many few", 8),
    ):
        tree = {"sys/fs/cgroup/cpu.max": quota} if quota else {}
        assert usable_cores(Files(plant(tree, tmp_path / str(quota)))) == expected


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
    tmp_path: Path, flags: str | None, vendor: str | None, expected: str | None
) -> None:
    texts = {"proc/cpuinfo": flags, "sys/class/dmi/id/sys_vendor": vendor}
    tree = {path: text for path, text in texts.items() if text is not None}
    assert virtualised(Files(plant(tree, tmp_path))) == expected


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
