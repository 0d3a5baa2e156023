"""Names for the numbers by which Arm processors call themselves, after `arch/arm64/include/asm/cputype.h` of Linux."""

from __future__ import annotations

_VENDORS = {
    "0x41": "Arm",
    "0x43": "Cavium",
    "0x46": "Fujitsu",
    "0x48": "HiSilicon",
    "0x4e": "NVIDIA",
    "0x50": "APM",
    "0x51": "Qualcomm",
    "0x61": "Apple",
    "0x70": "Phytium",
    "0xc0": "Ampere",
}
_PARTS = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd04"): "Cortex-A35",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0a"): "Cortex-A75",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd42"): "Cortex-A78AE",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x43", "0x0af"): "ThunderX2",
    ("0x46", "0x001"): "A64FX",
    ("0x48", "0xd01"): "TSV110 (Kunpeng 920)",
    ("0x4e", "0x004"): "Carmel",
    ("0xc0", "0xac3"): "Ampere1",
    ("0xc0", "0xac4"): "Ampere1A",
}


def core_name(implementer: str, part: str) -> tuple[str, str]:
    """Vendor and core; the numbers themselves where they have no name here."""
    return _VENDORS.get(implementer, implementer), _PARTS.get((implementer, part), f"part {part}")
