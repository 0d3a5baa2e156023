"""Maker, firmware, disks, virtual machine and operating system, from DMI, the device tree and `/sys/block`."""

from __future__ import annotations

import re

from bench.hardware.files import Files
from bench.records.profile import Disk, Platform, Serials

_DMI = "sys/class/dmi/id"
_TREE = "proc/device-tree"
_PLACEHOLDERS = frozenset({"none", "not specified", "default string", "to be filled by o.e.m.", "system serial number"})
# Disks made of other disks, of memory or of files are no storage of the machine.
_NO_DISK = re.compile(r"(?:loop|ram|zram|dm-|md|nbd|sr|fd)\d*")
_SECTOR, _MOST = 512, 1 << 62


def read_platform(files: Files) -> tuple[Platform, dict[str, str]]:
    """The machine around its processors, and why what is missing is not known."""
    platform = Platform(
        vendor=_said(files, f"{_DMI}/sys_vendor"),
        product=_said(files, f"{_DMI}/product_name") or files.text(f"{_TREE}/model"),
        firmware=_joined(_said(files, f"{_DMI}/bios_vendor"), _said(files, f"{_DMI}/bios_version")),
        firmware_date=_said(files, f"{_DMI}/bios_date"),
        virtualised=virtualised(files),
    )
    sources = {
        "vendor": f"{_DMI}/sys_vendor",
        "product": f"{_DMI}/product_name",
        "firmware": f"{_DMI}/bios_version",
        "virtualised": "proc/cpuinfo",
    }
    missing = {name: files.why(path) for name, path in sources.items() if getattr(platform, name) is None}
    return platform, {f"platform.{name}": why for name, why in missing.items()}


def virtualised(files: Files) -> str | None:
    """`no`, or what kind of virtual machine this is (`yes` where it is not told which); None where nobody says."""
    cpuinfo = files.text("proc/cpuinfo")
    kind = _said(files, f"{_DMI}/sys_vendor") or files.text("sys/hypervisor/type")
    if files.raw(f"{_TREE}/hypervisor/compatible") is not None or files.text("sys/hypervisor/type"):
        return kind or "yes"
    if cpuinfo is None:
        return None
    return (kind or "yes") if " hypervisor" in cpuinfo else "no"


def read_disks(files: Files) -> tuple[Disk, ...]:
    """Block devices that are no parts and no images of others."""
    disks = []
    for path in files.names("sys/block/*"):
        name = path.rsplit("/", 1)[-1]
        sectors, rotating = files.number(f"{path}/size"), files.text(f"{path}/queue/rotational")
        if _NO_DISK.fullmatch(name) or not sectors or sectors < 0:
            continue
        disks.append(
            Disk(
                name=name,
                model=files.text(f"{path}/device/model"),
                bytes=min(sectors * _SECTOR, _MOST),
                rotating={"0": False, "1": True}.get(rotating or ""),
            )
        )
    return tuple(disks)


def read_serials(files: Files) -> Serials:
    """Serial numbers of machine and board, which most systems show to root only."""
    return Serials(
        system=_said(files, f"{_DMI}/product_serial") or files.text(f"{_TREE}/serial-number"),
        board=_said(files, f"{_DMI}/board_serial"),
    )


def operating_system(files: Files) -> str | None:
    """The name that the distribution has for itself."""
    for path in ("etc/os-release", "usr/lib/os-release"):
        for line in (files.text(path) or "").splitlines():
            key, _, value = line.partition("=")
            if key == "PRETTY_NAME":
                return value.strip("\"'") or None
    return None


def _said(files: Files, path: str) -> str | None:
    """What firmware says, unless it is what makers leave in when they say nothing."""
    text = files.text(path)
    return None if text is None or text.lower() in _PLACEHOLDERS else text


def _joined(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part) or None
