"""Cards of all vendors: what their drivers show is read, what they do not has a reason, and rubbish is no error."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import msgspec
import pytest

from bench.hardware.accelerators import Cards, read_accelerators
from bench.hardware.ascend import NoTool, ask_tool
from bench.hardware.detect import Told, detect
from bench.hardware.files import Files
from bench.hardware.nvml import NoNvml, Nvml
from bench.records.profile import Accelerator, Profile

from .bus import FakeTool, alveo, amd, ascend, integrated, intel, on_bus
from .cards import FakeNvml
from .machines import Tree, plant


def no_nvml() -> Nvml:
    raise NoNvml("there is no driver")


def read(tree: Tree, root: Path, tool: FakeTool | None = None) -> Cards:
    return read_accelerators(Files(plant(tree, root)), no_nvml, tool or FakeTool())


def test_equal_cards_of_amd_are_counted_together(tmp_path: Path) -> None:
    found = read(amd("0000:03:00.0") | amd("0000:43:00.0", "1111"), tmp_path)
    assert found.found == (
        Accelerator(
            kind="gpu",
            vendor="AMD",
            model="AMD Instinct MI210",
            count=2,
            memory_bytes=68702699520,
            power_limit_w=300.0,
            power_limit_most_w=300.0,
            clock_max_mhz=1700.0,
            memory_clock_max_mhz=1600.0,
            partitioned=False,
            pcie_generation=4,
            pcie_width=16,
            driver="6.8.5",
            firmware="113-D67301-063",
        ),
    )
    assert found.serials == ("9cbe3a1f0c2d4e55", "1111")
    assert found.unknown == {}


def test_graphics_of_a_processor_are_no_card(tmp_path: Path) -> None:
    assert read(integrated(), tmp_path).found == ()


def test_a_card_of_intel_whose_memory_nobody_tells(tmp_path: Path) -> None:
    found = read(intel(), tmp_path)
    (card,) = found.found
    assert (card.vendor, card.model, card.power_limit_w, card.clock_max_mhz) == (
        "Intel",
        "PCI 8086:56c0",
        120.0,
        2050.0,
    )
    assert card.memory_bytes is None
    assert found.unknown == {
        "accelerators[0].memory_bytes": "the kernel's drivers for Intel's cards show no size of their memory in /sys"
    }


def test_an_fpga_card_is_one_card_with_two_functions(tmp_path: Path) -> None:
    found = read(alveo(), tmp_path)
    (card,) = found.found
    assert (card.kind, card.model, card.count) == ("fpga", "xilinx_u250_gen3x16_xdma_shell_4_1", 1)
    assert card.memory_bytes == 64 << 30
    assert set(found.unknown) == {"accelerators[0].power_limit_w"}


def test_an_ascend_card_as_its_tool_tells(tmp_path: Path) -> None:
    tool = FakeTool()
    found = read(ascend(), tmp_path, tool)
    (card,) = found.found
    assert (card.kind, card.vendor, card.model, card.memory_bytes) == ("npu", "Huawei", "IT21PDDA01", 24576 << 20)
    assert (card.driver, card.firmware, found.serials) == ("23.0.3", "7.1.0.4.220", ("0123456789",))
    assert tool.asked[1] == ("info", "-t", "board", "-i", "1"), "by the number that the list has"


def test_an_ascend_card_whose_tool_says_nothing_is_told(tmp_path: Path) -> None:
    found = read(ascend(), tmp_path, FakeTool(listed=None))
    assert found.found == ()
    assert found.unknown["accelerators.ascend"].startswith("a card is on the bus, and npu-smi ends with 1: dcmi")
    partly = read(ascend(), tmp_path, FakeTool(memory=None))
    assert partly.found[0].memory_bytes is None
    assert "dcmi" in partly.unknown["accelerators[0].memory_bytes"]


def test_without_an_ascend_card_its_tool_is_not_asked(tmp_path: Path) -> None:
    tool = FakeTool()
    read(amd("0000:03:00.0"), tmp_path, tool)
    assert tool.asked == []


def test_a_card_that_nobody_knows_is_listed_by_its_ids(tmp_path: Path) -> None:
    found = read(on_bus("0000:05:00.0", "1e36", "0001", "120000"), tmp_path)
    (card,) = found.found
    assert (card.kind, card.vendor, card.model) == ("other", "PCI 1e36", "PCI 1e36:0001")
    assert found.unknown["accelerators[0].memory_bytes"] == "no driver whose files are known here holds it"


def test_a_d5005_is_known_by_its_id(tmp_path: Path) -> None:
    (card,) = read(on_bus("0000:05:00.0", "8086", "0b2b", "ff0000"), tmp_path).found
    assert (card.kind, card.model) == ("fpga", "FPGA PAC D5005")


def test_a_card_of_nvidia_without_its_library_is_told(tmp_path: Path) -> None:
    found = read(on_bus("0000:05:00.0", "10de", "2335", "030200"), tmp_path)
    assert found.unknown["accelerators.nvidia"] == "a card is on the bus, and there is no driver"


def test_cards_of_two_vendors_keep_their_places(tmp_path: Path) -> None:
    files = Files(plant(intel(), tmp_path))
    found = read_accelerators(files, lambda: Nvml(FakeNvml(count=2)), FakeTool())
    assert [card.vendor for card in found.found] == ["NVIDIA", "Intel"]
    assert "accelerators[1].memory_bytes" in found.unknown


@pytest.mark.parametrize(
    ("tree", "kind"),
    [(amd("0000:03:00.0"), "gpu_server"), (alveo(), "fpga_card"), (ascend(), "ai_chip"), ({}, "cpu_server")],
)
def test_cards_make_the_class(tree: Tree, kind: str, tmp_path: Path) -> None:
    told = Told(architecture="x86_64", kernel="6", python="3")
    found = detect(told, Files(plant(tree, tmp_path)), no_nvml, FakeTool())
    assert found.machine_class == kind
    assert msgspec.convert(msgspec.to_builtins(found), Profile) == found, "what is kept can be read again"


@pytest.mark.parametrize("rubbish", [b"", b"\xff\xfe", b"-1", b"9" * 18, b"9" * 5000, b"0", b"0x", b"1: 99999999Mhz *"])
def test_rubbish_is_not_known_and_no_error(tmp_path: Path, rubbish: bytes) -> None:
    ids = ("vendor", "device", "class")
    whole = amd("0000:03:00.0") | intel() | alveo()
    tree: Tree = {path: text if path.rpartition("/")[2] in ids else rubbish for path, text in whole.items()}
    found = detect(Told(architecture="x86_64", kernel="6", python="3"), Files(plant(tree, tmp_path)), no_nvml)
    assert msgspec.convert(msgspec.to_builtins(found), Profile) == found
    plant(dict.fromkeys(whole, rubbish), tmp_path)
    assert read_accelerators(Files(tmp_path), no_nvml, FakeTool()).found == ()


@pytest.mark.parametrize("text", ["", "NPU ID : x", "NPU ID", ":::\n : \n", "NPU ID : " + "9" * 4000])
def test_a_tool_that_talks_rubbish_is_no_error(tmp_path: Path, text: str) -> None:
    found = read(ascend(), tmp_path, FakeTool(listed=text, board=text, memory=text))
    assert not found.found or found.found[0].memory_bytes is None


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo broken >&2; exit 3", "npu-smi ends with 3: broken"),
        ("exit 4", "npu-smi ends with 4: it says nothing"),
        (None, "is not installed"),
    ],
)
def test_the_tool_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None, words: str) -> None:
    tool = tmp_path / "npu-smi"
    if script is not None:
        tool.write_text(f"#!/bin/sh\n{script}\n")
        tool.chmod(tool.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/bin" if script else str(tmp_path))
    with pytest.raises(NoTool, match=words):
        ask_tool(["info", "-l"])
