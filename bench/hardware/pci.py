"""Accelerator cards as Linux shows them on the PCI bus, and what the drivers of AMD, Intel and Xilinx say in `/sys`.

Files and units as documented: docs.kernel.org/PCI/sysfs-pci.html, docs.kernel.org/gpu/amdgpu, the kernel's
ABI/testing/sysfs-driver-intel-i915-hwmon and -intel-xe-hwmon, and the `rom` nodes that XRT's own tools read.
NVIDIA's cards are NVML's to tell, Ascend's npu-smi's. What a driver does not show is not known, with the reason.
"""

from __future__ import annotations

import re

import msgspec

from bench.hardware.files import Files
from bench.records.profile import Accelerator, AcceleratorKind

_DEVICES = "sys/bus/pci/devices"
AMD, INTEL, XILINX, HUAWEI, NVIDIA = "1002", "8086", "10ee", "19e5", "10de"
_VENDORS = {AMD: "AMD", INTEL: "Intel", XILINX: "AMD", HUAWEI: "Huawei"}
# Classes of the PCI code and ID assignment: display controllers, and processing accelerators.
_DISPLAY, _ACCELERATOR = "03", "12"
# FPGA cards whose class says nothing: the D5005 (www.intel.com/content/www/us/en/docs/programmable/683568).
_FPGA_IDS = {(INTEL, "0b2b"): "FPGA PAC D5005"}
_GENERATIONS = {"2.5": 1, "5.0": 2, "8.0": 3, "16.0": 4, "32.0": 5, "64.0": 6}
# Less memory of its own is a part of the processor's, set aside for a picture.
_LEAST_BYTES = 2 << 30
_MICRO = 1e6
_MHZ = re.compile(r"(\d{1,6})\s*mhz", re.IGNORECASE)


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A device on the bus: its folder relative to the root, and its ids as four hexadecimal digits."""

    path: str
    vendor: str
    device: str
    kind: str  # the first two digits of its class

    @property
    def address(self) -> str:
        """`0000:65:00.0`."""
        return self.path.rpartition("/")[2]


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """A card, its serial number where its driver shows one, and why single facts are not known, by field."""

    card: Accelerator
    serial: str | None = None
    why: dict[str, str] = {}


def slots(files: Files) -> list[Slot]:
    """All devices whose ids can be read."""
    found = []
    for path in files.names(f"{_DEVICES}/*"):
        words = [_hexadecimal(files.text(f"{path}/{name}")) for name in ("vendor", "device", "class")]
        if all(words):
            vendor, device, kind = words
            found.append(Slot(path=path, vendor=vendor[-4:], device=device[-4:], kind=kind.zfill(6)[:2]))
    return found


def cards_of_bus(files: Files, there: list[Slot]) -> list[Found]:
    """Cards of all vendors but those that tools of their own tell of."""
    found, seen = [], set()
    for slot in there:
        place = slot.address.rpartition(".")[0]
        one = _card(files, slot)
        if one is not None and place not in seen:  # a card has several functions
            seen.add(place)
            found.append(one)
    return found


def _card(files: Files, slot: Slot) -> Found | None:
    if slot.vendor in (NVIDIA, HUAWEI):
        return None
    if slot.vendor == XILINX:
        return _xilinx(files, slot)
    if (slot.vendor, slot.device) in _FPGA_IDS:
        return _bare(files, slot, "fpga", _FPGA_IDS[slot.vendor, slot.device])
    if slot.kind not in (_DISPLAY, _ACCELERATOR):
        return None
    if slot.vendor == AMD:
        return _amd(files, slot)
    if slot.vendor == INTEL and slot.kind == _DISPLAY:
        return _intel(files, slot)
    return _bare(files, slot, "other", None) if slot.kind == _ACCELERATOR else None


def _amd(files: Files, slot: Slot) -> Found | None:
    path = slot.path
    memory = files.number(f"{path}/mem_info_vram_total")
    if memory is not None and memory < _LEAST_BYTES:
        return None
    hwmon = next(iter(files.names(f"{path}/hwmon/hwmon[0-9]*")), f"{path}/hwmon/hwmon0")
    card = Accelerator(
        kind="gpu",
        vendor="AMD",
        model=files.text(f"{path}/product_name") or _ids(slot),
        memory_bytes=memory or None,
        power_limit_w=_watts(files, f"{hwmon}/power1_cap"),
        power_limit_least_w=_watts(files, f"{hwmon}/power1_cap_min"),
        power_limit_most_w=_watts(files, f"{hwmon}/power1_cap_max"),
        clock_max_mhz=_highest(files.text(f"{path}/pp_dpm_sclk")),
        memory_clock_max_mhz=_highest(files.text(f"{path}/pp_dpm_mclk")),
        partitioned=_partitioned(files.text(f"{path}/current_compute_partition")),
        firmware=files.text(f"{path}/vbios_version"),
        **_link(files, slot),  # type: ignore[arg-type]  # names of fields
    )
    asked = {"memory_bytes": "mem_info_vram_total", "clock_max_mhz": "pp_dpm_sclk", "firmware": "vbios_version"}
    why = {field: files.why(f"{path}/{name}") for field, name in asked.items() if getattr(card, field) is None}
    if card.power_limit_w is None:
        why["power_limit_w"] = files.why(f"{hwmon}/power1_cap")
    return Found(card=card, serial=files.text(f"{path}/unique_id"), why=why)


def _intel(files: Files, slot: Slot) -> Found | None:
    if slot.address.endswith(":00:02.0"):
        return None  # where the graphics of a processor lie
    path = slot.path
    hwmon = next(iter(files.names(f"{path}/hwmon/hwmon[0-9]*")), f"{path}/hwmon/hwmon0")
    clocks = [f"{path}/drm/card[0-9]*/gt_RP0_freq_mhz", f"{path}/tile[0-9]*/gt[0-9]*/freq0/rp0_freq"]
    fastest = [value for pattern in clocks for one in files.names(pattern) if (value := files.number(one))]
    card = Accelerator(
        kind="gpu",
        vendor="Intel",
        model=_ids(slot),
        power_limit_w=_watts(files, f"{hwmon}/power1_max"),
        clock_max_mhz=float(max(fastest)) if fastest else None,
        **_link(files, slot),  # type: ignore[arg-type]
    )
    why = {"memory_bytes": "the kernel's drivers for Intel's cards show no size of their memory in /sys"}
    if card.power_limit_w is None:
        why["power_limit_w"] = files.why(f"{hwmon}/power1_max")
    return Found(card=card, why=why)


def _xilinx(files: Files, slot: Slot) -> Found | None:
    """A card that XRT's driver holds: one without it has no name and may be anything that has an FPGA."""
    rom = next(iter(files.names(f"{slot.path}/rom.*")), None)
    if rom is None:
        return _bare(files, slot, "fpga", None) if slot.kind == _ACCELERATOR else None
    name, banks = files.text(f"{rom}/VBNV"), files.number(f"{rom}/ddr_bank_count_max")
    size = files.number(f"{rom}/ddr_bank_size")  # in GiB
    memory = banks * size << 30 if banks and size and banks * size < 1 << 20 else None
    card = Accelerator(
        kind="fpga",
        vendor="AMD",
        model=name or _ids(slot),
        memory_bytes=memory,
        **_link(files, slot),  # type: ignore[arg-type]
    )
    why = {} if memory else {"memory_bytes": files.why(f"{rom}/ddr_bank_size")}
    return Found(card=card, why=why | {"power_limit_w": "XRT's driver shows no limit in /sys"})


def _bare(files: Files, slot: Slot, kind: AcceleratorKind, model: str | None) -> Found:
    """A card of which the bus alone tells."""
    vendor = _VENDORS.get(slot.vendor, f"PCI {slot.vendor}")
    card = Accelerator(kind=kind, vendor=vendor, model=model or _ids(slot), **_link(files, slot))  # type: ignore[arg-type]
    reason = "no driver whose files are known here holds it"
    return Found(card=card, why={"memory_bytes": reason, "power_limit_w": reason})


def _link(files: Files, slot: Slot) -> dict[str, object]:
    """Generation and width of the widest link, and the driver's version where the module tells one."""
    speed = (files.text(f"{slot.path}/max_link_speed") or "").split(" ")[0]
    width = files.number(f"{slot.path}/max_link_width")
    return {
        "pcie_generation": _GENERATIONS.get(f"{speed}.0" if speed.isdigit() else speed),
        "pcie_width": width if width and width <= 32 else None,  # 255: unknown
        "driver": files.text(f"{slot.path}/driver/module/version"),
    }


def _ids(slot: Slot) -> str:
    return f"PCI {slot.vendor}:{slot.device}"


def _watts(files: Files, path: str) -> float | None:
    micro = files.number(path)
    return micro / _MICRO if micro else None


def _highest(levels: str | None) -> float | None:
    """Of the lines that amdgpu shows, `1: 1700Mhz *`."""
    found = max((int(one) for one in _MHZ.findall(levels or "")), default=0)
    return float(found) or None


def _partitioned(mode: str | None) -> bool | None:
    """SPX is a card in one piece (docs.kernel.org/gpu/amdgpu: accelerator partitioning)."""
    return None if mode is None else mode != "SPX"


def _hexadecimal(text: str | None) -> str:
    found = re.fullmatch(r"0x([0-9a-f]{4,6})", (text or "").lower())
    return found[1] if found else ""
