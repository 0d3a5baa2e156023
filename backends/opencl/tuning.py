"""Tiles by measurement: the whole network under one rule after the other; each layer keeps the rule it ran best under.

Layers run among their neighbours and on the memory that they will have, not alone in a loop. A rule costs a program.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import msgspec

from bench.backends.base import EngineError, Model, Options, Unsupported
from bench.backends.opencl.device import Found
from bench.backends.opencl.kept import read_kept
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.plan import Launch
from bench.backends.opencl.tiles import Tiles, rules
from bench.backends.opencl.tracing import timed
from bench.records.opencl import Tuned
from bench.records.plan import Setting

_LARGEST_TABLE = 16 << 20


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """Tiles by the keys of layers, and the device and driver that they were measured on."""

    format: int = 1
    platform: str
    device: str
    driver: str
    tiles: dict[str, Tile]


def tune(
    model: Model,
    found: Found,
    options: Options,
    budget_s: float,
    rounds: int,
) -> tuple[Table, Tuned]:
    """Measure rules until there are no more or the time is up; the default's measurement is made in any case.

    A layer's time under a rule is the shortest of the rounds: what else runs on the host only ever adds.
    """
    begun, every = monotonic(), rules(found.traits)
    best: dict[str, tuple[float, Tile]] = {}
    first: dict[str, float] = {}
    tried = 0
    for rule in every:
        if tried and monotonic() - begun > budget_s:
            break
        plan, times, _ = timed(model, found, options, rounds, Tiles(rule=rule))
        for number, step in enumerate(plan.steps):
            if isinstance(step, Launch) and step.tile is not None:
                took = min(times[number])
                first.setdefault(step.key, took)
                if took < best.get(step.key, (float("inf"), step.tile))[0]:
                    best[step.key] = took, step.tile
        tried += 1
    platform, device, driver = _made_on(found)
    tiles = {key: tile for key, (_, tile) in sorted(best.items())}
    return Table(platform=platform, device=device, driver=driver, tiles=tiles), Tuned(
        device=found.device.title,
        layers=len(tiles),
        tried=tried,
        rules=len(every),
        before_ns=sum(first.values()),
        after_ns=sum(took for took, _ in best.values()),
    )


def tiles_of(settings: Mapping[str, Setting], found: Found) -> Tiles:
    """What the settings `tiles` and `winograd` ask for. Raises Unsupported as `read_table` does."""
    path = settings.get("tiles")
    tiles = Tiles() if path is None else read_table(Path(str(path)), found)
    return msgspec.structs.replace(tiles, winograd=settings.get("winograd", True) is not False)


def read_table(path: Path, found: Found) -> Tiles:
    """Raises Unsupported, one line, for a file that is no table, or one of another device or driver."""
    table = read_kept(path, Table, _LARGEST_TABLE, "table of tiles", "`bench opencl tune` writes it")
    here, there = _made_on(found), (table.platform, table.device, table.driver)
    if table.format != 1 or here != there:
        raise Unsupported(f"The tiles in {path} were measured on {' / '.join(there)}; here is {' / '.join(here)}.")
    if any(min(msgspec.structs.astuple(tile)) < 1 or tile.width not in (8, 16) for tile in table.tiles.values()):
        raise Unsupported(f"{path} holds tiles that no kernel has.")
    return Tiles(table=table.tiles)


def write_table(table: Table, path: Path) -> None:
    """Raises EngineError where it cannot be written."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(table)))
    except OSError as error:
        raise EngineError(f"opencl cannot write {path}: {error.strerror or error}.") from error


def _made_on(found: Found) -> tuple[str, str, str]:
    """Platform, device and driver."""
    return found.platform, str(found.own.name).strip(), str(found.own.driver_version)
