"""Memory modules from the SMBIOS tables that the kernel shows to root (DMTF DSP0134, structure type 17)."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

_MEMORY_DEVICE, _END = 17, 127
_IN_EXTENDED_SIZE, _SIZE_UNKNOWN, _KIB = 0x7FFF, 0xFFFF, 0x8000
# DSP0134 7.18.2; what is older no server here has.
_TYPES = {
    0x18: "DDR3",
    0x1A: "DDR4",
    0x1B: "LPDDR",
    0x1C: "LPDDR2",
    0x1D: "LPDDR3",
    0x1E: "LPDDR4",
    0x20: "HBM",
    0x21: "HBM2",
    0x22: "DDR5",
    0x23: "LPDDR5",
    0x24: "HBM3",
}


class Module(msgspec.Struct, frozen=True, kw_only=True):
    """One module that is plugged in: bytes, type, and the rate that it is run at."""

    bytes: int
    type: str | None
    transfers_per_s: float | None


def modules(table: bytes) -> list[Module]:
    """Modules that are plugged in; nothing where the table is not one."""
    found = (_module(body) for kind, body in _structures(table) if kind == _MEMORY_DEVICE)
    return [module for module in found if module is not None]


def _structures(table: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and formatted part of each structure; the strings after it end with two zero bytes."""
    at = 0
    while at + 4 <= len(table):
        kind, length = table[at], table[at + 1]
        if length < 4 or at + length > len(table):
            return
        yield kind, table[at : at + length]
        end = table.find(b"\0\0", at + length)
        if kind == _END or end < 0:
            return
        at = end + 2


def _module(body: bytes) -> Module | None:
    size = _word(body, 0x0C)
    if size in (0, _SIZE_UNKNOWN, None):
        return None
    assert size is not None
    if size == _IN_EXTENDED_SIZE:
        count = (int.from_bytes(body[0x1C:0x20], "little") & 0x7FFFFFFF) << 20 if len(body) >= 0x20 else 0
    else:
        count = (size & 0x7FFF) << (10 if size & _KIB else 20)
    if not count:
        return None
    rate = _word(body, 0x20) or _word(body, 0x15)
    return Module(
        bytes=count,
        type=_TYPES.get(body[0x12]) if len(body) > 0x12 else None,
        transfers_per_s=rate * 1e6 if rate and rate != _SIZE_UNKNOWN else None,
    )


def _word(body: bytes, at: int) -> int | None:
    return int.from_bytes(body[at : at + 2], "little") if at + 2 <= len(body) else None
