"""Cards on the bus, WRITTEN after the documentation of each driver, not recorded on a machine."""

from __future__ import annotations

from collections.abc import Sequence

from bench.hardware.ascend import NoTool

from .machines import Tree

BUS = "sys/bus/pci/devices"


def on_bus(address: str, vendor: str, device: str, kind: str, **files: str) -> Tree:
    """A device with its link (docs.kernel.org/PCI), and what its driver shows beside."""
    place = f"{BUS}/{address}"
    tree: Tree = {
        f"{place}/vendor": f"0x{vendor}\n",
        f"{place}/device": f"0x{device}\n",
        f"{place}/class": f"0x{kind}\n",
        f"{place}/max_link_speed": "16.0 GT/s PCIe\n",
        f"{place}/max_link_width": "16\n",
    }
    return tree | {f"{place}/{name.replace('__', '/')}": text for name, text in files.items()}


def amd(address: str, unique_id: str = "9cbe3a1f0c2d4e55") -> Tree:
    """docs.kernel.org/gpu/amdgpu: driver-misc, thermal, and the hwmon interfaces."""
    return on_bus(
        address,
        "1002",
        "740f",
        "038000",
        product_name="AMD Instinct MI210\n",
        mem_info_vram_total="68702699520\n",
        vbios_version="113-D67301-063\n",
        unique_id=f"{unique_id}\n",
        pp_dpm_sclk="0: 500Mhz\n1: 800Mhz *\n2: 1700Mhz\n",
        pp_dpm_mclk="0: 400Mhz\n1: 1600Mhz *\n",
        current_compute_partition="SPX\n",
        hwmon__hwmon3__power1_cap="300000000\n",
        hwmon__hwmon3__power1_cap_min="0\n",
        hwmon__hwmon3__power1_cap_max="300000000\n",
        driver__module__version="6.8.5\n",
    )


def integrated() -> Tree:
    """A processor with graphics of AMD's, and one with Intel's: no cards."""
    return on_bus("0000:c4:00.0", "1002", "15bf", "030000", mem_info_vram_total="536870912\n") | on_bus(
        "0000:00:02.0", "8086", "46a6", "030000"
    )


def intel() -> Tree:
    """ABI/testing/sysfs-driver-intel-i915-hwmon: power1_max in microwatts."""
    return on_bus(
        "0000:03:00.0",
        "8086",
        "56c0",
        "038000",
        hwmon__hwmon1__power1_max="120000000\n",
        drm__card0__gt_RP0_freq_mhz="2050\n",
    )


def alveo() -> Tree:
    """Both functions of a card as XRT's driver shows them: only the user's is read twice by nobody."""
    rom = {
        "VBNV": "xilinx_u250_gen3x16_xdma_shell_4_1\n",
        "ddr_bank_size": "16\n",
        "ddr_bank_count_max": "4\n",
        "FPGA": "xcu250-figd2104-2L-e\n",
    }
    tree: Tree = {}
    for function, part in (("0", "m"), ("1", "u")):
        files = {f"rom.{part}.2097152__{name}": text for name, text in rom.items()}
        tree |= on_bus(f"0000:65:00.{function}", "10ee", "5005", "120000", **files)
    return tree


def ascend() -> Tree:
    return on_bus("0000:81:00.0", "19e5", "d500", "120000")


# npu-smi's reference, hiascend.com: -l and -t board as shown there; -t memory of a card with one chip.
LIST = """\
        Card Count                     : 1

        NPU ID                         : 1
        Product Name                   : IT21PDDA01
        Serial Number                  : 0123456789
        Chip Count                     : 1
"""
BOARD = """\
        NPU ID                         : 1
        Product Name                   : IT21PDDA01
        Model                          : NA
        Manufacturer                   : Huawei
        Serial Number                  : 0123456789
        Software Version               : 23.0.3
        Firmware Version               : 7.1.0.4.220
        Chip Count                     : 1
"""
MEMORY = """\
        NPU ID                         : 1
        Chip Count                     : 1

        Chip ID                        : 0
        Total Capacity(MB)             : 24576
        Capacity(MB)                   : 21527
        Clock Speed(MHz)               : 2133
"""


class FakeTool:
    """npu-smi with these answers; what is None fails as the tool does."""

    def __init__(self, listed: str | None = LIST, board: str | None = BOARD, memory: str | None = MEMORY) -> None:
        self._answers = {"-l": listed, "board": board, "memory": memory}
        self.asked: list[tuple[str, ...]] = []

    def __call__(self, arguments: Sequence[str]) -> str:
        self.asked.append(tuple(arguments))
        answer = next(text for word, text in self._answers.items() if word in arguments)
        if answer is None:
            raise NoTool("npu-smi ends with 1: dcmi module initialize failed. ret is -8005")
        return answer
