"""Machines of eight kinds, detected from their files; and files that hold nothing sensible."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from bench.hardware.container import usable_cores
from bench.hardware.detect import Told, detect, told_by_python
from bench.hardware.files import Files, spans
from bench.hardware.nvml import NoNvml, Nvml
from bench.records.profile import Cache, Disk, OpenClDevice, Profile

from .cards import FakeNvml
from .machines import MACHINES, Tree, plant, smbios, two_socket_xeon

# Of many processors two are enough.
_MANY = re.compile(r"/cpu(?:[2-9]|\d\d)")


def no_cards() -> Nvml:
    raise NoNvml("there is no card")


def seen(name: str, root: Path, start_nvml: Callable[[], Nvml] = no_cards) -> Profile:
    made, architecture = MACHINES[name]
    return of(made(), root, architecture, start_nvml)


def of(tree: Tree, root: Path, architecture: str, start_nvml: Callable[[], Nvml] = no_cards) -> Profile:
    told = Told(architecture=architecture, kernel="6.6.0", python="CPython 3.11.7")
    return detect(told, Files(plant(tree, root)), start_nvml)


def test_a_gpu_server(tmp_path: Path) -> None:
    found = seen("two_socket_xeon", tmp_path, lambda: Nvml(FakeNvml(count=8)))
    cpu, memory = found.cpu, found.memory
    assert (cpu.vendor, cpu.model) == ("GenuineIntel", "INTEL(R) XEON(R) SILVER 4509Y")
    assert (cpu.sockets, cpu.cores, cpu.threads, cpu.threads_usable, cpu.numa_nodes) == (2, 16, 32, 32, 2)
    assert cpu.frequency_max_mhz == 4100.0
    assert cpu.isa[-4:] == ("avx512_fp16", "amx_tile", "amx_int8", "amx_bf16")
    assert cpu.caches == (
        Cache(level=1, kind="data", bytes=48 << 10, instances=16),
        Cache(level=1, kind="instruction", bytes=32 << 10, instances=16),
        Cache(level=2, kind="unified", bytes=2 << 20, instances=16),
    )
    assert memory.bytes == 16 * 64 << 30
    assert memory.usable_bytes == 1056466048 << 10
    assert (memory.type, memory.modules, memory.channels, memory.transfers_per_s) == ("DDR5", 16, 16, 4.8e9)
    (card,) = found.accelerators
    assert (card.model, card.count, card.memory_bytes) == ("NVIDIA H200", 8, 150_754_820_096)
    assert (card.power_limit_w, card.power_limit_least_w, card.power_limit_most_w) == (700.0, 200.0, 700.0)
    assert (card.clock_max_mhz, card.memory_clock_max_mhz) == (1980, 3201)
    assert (card.ecc, card.partitioned, card.compute_capability, card.driver) == (True, False, "9.0", "550.90.07")
    assert found.machine_class == "gpu_server"
    assert found.power.source == "nvml"
    assert found.serials.system == "SN-OF-THE-SYSTEM"
    assert found.serials.board is None, "what makers leave in when they say nothing is no serial number"
    assert found.serials.accelerators == tuple(f"GPU-{index:04d}" for index in range(8))
    assert found.disks == (Disk(name="nvme0n1", model="SAMSUNG MZQL23T8HCLS", bytes=7501476528 * 512, rotating=False),)
    assert (found.vendor, found.model, found.platform.virtualised) == ("Inspur", "NF5688M7", "no")
    assert found.software.system == "openEuler 24.03 (LTS)"
    assert found.container == msgspec.structs.replace(found.container, kind=None, cpu_quota=None)
    assert found.unknown == {}


def test_an_arm_server(tmp_path: Path) -> None:
    found = seen("kunpeng", tmp_path)
    assert (found.cpu.vendor, found.cpu.model) == ("HiSilicon", "TSV110 (Kunpeng 920)")
    assert (found.cpu.sockets, found.cpu.cores, found.cpu.threads, found.cpu.numa_nodes) == (2, 48, 48, 2)
    assert found.cpu.isa == ("asimd", "asimdhp", "asimddp")
    assert found.cpu.caches[-1] == Cache(level=3, kind="unified", bytes=24 << 20, instances=2)
    assert found.software.system == "Kylin Linux Advanced Server V10"
    assert found.unknown["cpu.frequency_max_mhz"].endswith("cpuinfo_max_freq is not there")
    assert found.unknown["accelerators"] == "there is no card"
    assert {"memory.type", "memory.channels"} <= set(found.unknown)
    assert found.memory.bytes == found.memory.usable_bytes == 527950848 << 10


def test_512_threads(tmp_path: Path) -> None:
    cpu = seen("many_threads", tmp_path).cpu
    assert (cpu.sockets, cpu.cores, cpu.threads) == (2, 256, 512)
    assert cpu.caches[-1] == Cache(level=3, kind="unified", bytes=16 << 20, instances=16)


def test_a_container_without_sys(tmp_path: Path) -> None:
    found = seen("bare_container", tmp_path)
    assert (found.cpu.threads, found.cpu.threads_usable) == (8, 1)
    assert (found.container.kind, found.container.cpu_quota, found.container.cpus_allowed) == ("docker", 1.5, 4)
    assert found.container.memory_limit_bytes == found.memory.usable_bytes == 2 << 30
    assert found.memory.bytes == 32768000 << 10
    assert found.platform.virtualised == "yes"
    assert {"cpu.sockets", "cpu.cores", "cpu.caches", "cpu.numa_nodes", "platform.vendor"} <= set(found.unknown)


def test_limits_of_groups_above_count(tmp_path: Path) -> None:
    found = seen("pod", tmp_path)
    assert (found.container.kind, found.container.cpu_quota) == ("kubepods", 4.0)
    assert found.container.memory_limit_bytes == 8 << 30
    assert found.cpu.threads_usable == 4


def test_a_board_with_two_kinds_of_cores(tmp_path: Path) -> None:
    found = seen("edge_board", tmp_path)
    assert (found.cpu.vendor, found.cpu.model) == ("Arm", "Cortex-A55 + Cortex-A76")
    assert (found.cpu.sockets, found.cpu.cores, found.cpu.threads) == (None, 8, 8)
    assert found.cpu.frequency_max_mhz == 2400.0
    assert found.model == "Radxa ROCK 5B"
    assert found.serials.system == "1234567890abcdef"
    assert found.power.source == "hwmon"


def test_a_laptop_and_a_virtual_machine(tmp_path: Path) -> None:
    assert seen("laptop", tmp_path / "a").cpu.threads == 12
    found = seen("virtual_epyc", tmp_path / "b")
    assert (found.cpu.cores, found.platform.virtualised, found.power.source) == (2, "yes", "none")
    assert "hypervisor" not in found.cpu.isa


def test_what_engines_see_makes_the_class(tmp_path: Path) -> None:
    card = OpenClDevice(platform="Xilinx", name="xilinx_u250_gen3x16_xdma_4_1", type="accelerator")
    told = Told(architecture="x86_64", kernel="6", python="3", opencl=(card,), unknown={"x": "why"})
    found = detect(told, Files(tmp_path), no_cards)
    assert found.machine_class == "fpga_card"
    assert found.unknown["x"] == "why"


def test_this_machine_is_detected() -> None:
    found = detect(told_by_python())
    assert found.cpu.threads is None or found.cpu.threads >= 1
    assert found.memory.bytes is not None
    assert found.memory.bytes > 1 << 28
    assert found.software.system
    assert usable_cores() >= 1


@pytest.mark.parametrize(
    "rubbish", [b"", b"\xff\xfe\x00", b"-1", b"9" * 5000, b"9" * 18, b"0", b"a:b:c\n: :\n\n\n", b"[[[["]
)
@pytest.mark.parametrize("name", ["two_socket_xeon", "edge_board", "pod"])
def test_rubbish_is_not_known_and_no_error(tmp_path: Path, name: str, rubbish: bytes) -> None:
    made, architecture = MACHINES[name]
    tree: Tree = {path: rubbish for path in made() if not _MANY.search(path)}
    found = of(tree, tmp_path, architecture)
    assert msgspec.convert(msgspec.to_builtins(found), Profile) == found, "what is kept can be read again"
    assert found.memory.bytes is None
    assert found.cpu.model is None or rubbish.startswith(b"9") or name == "edge_board"
    assert "memory.bytes" in found.unknown


def test_folders_in_the_place_of_files_and_files_that_refuse(tmp_path: Path) -> None:
    for path in two_socket_xeon():
        if not _MANY.search(path):
            (tmp_path / path).mkdir(parents=True, exist_ok=True)
    found = detect(Told(architecture="x86_64", kernel="6", python="3"), Files(tmp_path), no_cards)
    assert found.cpu.model is None
    assert found.unknown["memory.bytes"] == "/proc/meminfo cannot be read: Is a directory"


def test_nothing_at_all_is_nothing_known(tmp_path: Path) -> None:
    found = detect(Told(architecture="riscv64", kernel="6", python="3"), Files(tmp_path / "nowhere"), no_cards)
    assert found.cpu.architecture == "riscv64"
    assert {"cpu.model", "cpu.threads", "memory.bytes", "platform.virtualised"} <= set(found.unknown)


def test_what_stands_in_where_the_kernel_says_nothing(tmp_path: Path) -> None:
    mac = {"system": "Darwin 15", "cpu_model": "Apple M3", "memory_bytes": 8, "threads": 8}
    told = Told(architecture="arm64", kernel="24", python="3", **mac)
    found = detect(told, Files(tmp_path), no_cards)
    assert (found.cpu.model, found.cpu.threads, found.memory.bytes) == ("Apple M3", 8, 8)
    assert found.software.system == "Darwin 15"
    assert "cpu.threads" not in found.unknown


@pytest.mark.parametrize(
    ("library", "words"),
    [
        (FakeNvml(broken="NVML Shared Library Not Found"), "NVML does not start: NVML Shared Library Not Found"),
        (object(), "NVML does not start: 'object' object has no attribute 'nvmlInit'"),
    ],
)
def test_nvml_that_does_not_start(tmp_path: Path, library: object, words: str) -> None:
    found = of({}, tmp_path, "x86_64", lambda: Nvml(library))
    assert found.accelerators == ()
    assert found.unknown["accelerators"] == words


def test_a_card_that_answers_nothing_is_still_there(tmp_path: Path) -> None:
    silent = FakeNvml(count=2)
    silent._answers = {}
    (card,) = of({}, tmp_path, "x86_64", lambda: Nvml(silent)).accelerators
    assert (card.count, card.vendor, card.model, card.memory_bytes, card.ecc) == (2, "NVIDIA", None, None, None)


def test_cards_that_differ_are_told_apart(tmp_path: Path) -> None:
    mixed = FakeNvml(count=3, nvmlDeviceGetPowerManagementLimit=lambda handle: 700_000 if handle else 350_000)
    cards = of({}, tmp_path, "x86_64", lambda: Nvml(mixed)).accelerators
    assert [(card.power_limit_w, card.count) for card in cards] == [(350.0, 1), (700.0, 2)]


@pytest.mark.parametrize(
    "table", [b"", b"\x11", b"\x11\x02ab", b"\x11\x28" + b"\0" * 10, smbios(1, 1, 0x1A, 3200)[:-9]]
)
def test_a_table_that_is_cut_off_holds_what_is_whole(tmp_path: Path, table: bytes) -> None:
    found = of({"sys/firmware/dmi/tables/DMI": table}, tmp_path, "x86_64")
    assert found.memory.bytes in (None, 1 << 20)


def test_small_modules_and_modules_in_kibibytes(tmp_path: Path) -> None:
    table = bytearray(smbios(2, 16 << 10, 0x1A, 3200))
    found = of({"sys/firmware/dmi/tables/DMI": bytes(table)}, tmp_path, "x86_64")
    assert (found.memory.bytes, found.memory.type, found.memory.modules) == (32 << 30, "DDR4", 2)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("0-3,8", [0, 1, 2, 3, 8]), ("5", [5]), ("", []), (None, []), ("a-b", []), ("1-", []), ("3-1", [])],
)
def test_lists_of_the_kernel(text: str | None, numbers: list[int]) -> None:
    assert spans(text) == numbers
