"""Tables of tiles: where they are kept, which one a run takes, and which are refused.

A file that is named wins; then what was tuned on this very device, kept in the cache; then what ships for drivers of
its kind, measured on another host; then the rule. The facts say which it was.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from bench.backends.base import EngineError, Unsupported
from bench.backends.opencl.device import Found
from bench.backends.opencl.kept import read_kept
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.tiles import Tiles
from bench.records.plan import Setting

# Set by whoever starts the process: the folder of what was tuned here.
FOLDER: Final = "BENCH_OPENCL_TILES"
BY_RULE: Final = "rule"
_FORMAT: Final = 2
_LARGEST_TABLE = 16 << 20
_SHIPPED: Final = Path(__file__).parent / "tables"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Tiles by the keys of layers, and the device and driver that they were measured on."""

    format: int = _FORMAT
    platform: str
    device: str
    driver: str
    tiles: dict[str, Tile]

    def with_older(self, older: Table | None) -> Table:
        """This table with what only an older one of the same device has."""
        return self if older is None else msgspec.structs.replace(self, tiles={**older.tiles, **self.tiles})


def tiles_of(settings: Mapping[str, Setting], found: Found) -> Tiles:
    """What a run takes: by the settings `tiles` (a file, or `rule`) and `winograd`. Raises Unsupported."""
    asked = settings.get("tiles")
    if asked == BY_RULE:
        tiles = Tiles()
    elif asked is not None:
        tiles = Tiles(table=read_table(Path(str(asked)), found).tiles, origin="file")
    else:
        tiles = _found(found)
    return msgspec.structs.replace(tiles, winograd=settings.get("winograd", True) is not False)


def kept_table(found: Found) -> Table | None:
    """What was tuned on this device before; None where nothing was, or what is there is no table of it."""
    place = _place(found)
    if place is None or not place.is_file():
        return None
    try:
        return read_table(place, found)
    except Unsupported:  # a cache may be cut short or of another version; tuning writes it anew
        return None


def keep(table: Table, found: Found) -> Path:
    """Add to what was tuned on this device; returns where. Raises EngineError where there is no place for it."""
    place = _place(found)
    if place is None:
        raise EngineError(f"opencl has no folder for what it tunes: {FOLDER} is not set; name a file (`--output`).")
    write_table(table.with_older(kept_table(found)), place)
    return place


def write_table(table: Table, path: Path) -> None:
    """Written whole or not at all. Raises EngineError where it cannot be written."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(table), indent=1) + b"\n")
        beside.replace(path)
    except OSError as error:
        raise EngineError(f"opencl cannot write {path}: {error.strerror or error}.") from error


def made_on(found: Found) -> tuple[str, str, str]:
    """Platform, device and driver."""
    return found.platform, str(found.own.name).strip(), str(found.own.driver_version)


def _found(found: Found) -> Tiles:
    tuned, shipped = kept_table(found), _shipped(found)
    origin = "tuned" if tuned is not None else "shipped" if shipped is not None else BY_RULE
    table = {**(shipped.tiles if shipped is not None else {}), **(tuned.tiles if tuned is not None else {})}
    return Tiles(table=table, origin=origin)


def _shipped(found: Found) -> Table | None:
    """The table of a driver of this kind: same platform, driver and target of its compiler, whatever the processor.

    A table for processors of one maker goes before one for all.
    """
    platform, device, driver = made_on(found)
    every = [msgspec.json.decode(path.read_bytes(), type=Table) for path in sorted(_SHIPPED.glob("*.json"))]
    fit = [one for one in every if (one.platform, one.driver) == (platform, driver) and device.startswith(one.device)]
    return max(fit, key=lambda one: len(one.device), default=None)


def _place(found: Found) -> Path | None:
    folder = os.environ.get(FOLDER)
    name = hashlib.sha256("\0".join(made_on(found)).encode()).hexdigest()[:16]
    return Path(folder) / f"{name}.json" if folder else None


def read_table(path: Path, found: Found) -> Table:
    """Raises Unsupported, one line, for a file that is no table, or one of another device or driver."""
    table = read_kept(path, Table, _LARGEST_TABLE, "table of tiles", "`bench opencl tune` writes it")
    here, there = made_on(found), (table.platform, table.device, table.driver)
    if table.format != _FORMAT:
        raise Unsupported(f"{path} was written by another version of `bench`; tune again.")
    if here != there:
        raise Unsupported(f"The tiles in {path} were measured on {' / '.join(there)}; here is {' / '.join(here)}.")
    if any(min(msgspec.structs.astuple(tile)) < 1 or tile.width not in (8, 16) for tile in table.tiles.values()):
        raise Unsupported(f"{path} holds tiles that no kernel has.")
    return table
