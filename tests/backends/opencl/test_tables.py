"""Which table of tiles a run takes: a named file, this device's own, what ships for its driver, the rule."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.backends.base import EngineError
from bench.backends.opencl import tables
from bench.backends.opencl.device import Found
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.tables import FOLDER, Table, keep, kept_table, made_on, tiles_of, write_table
from bench.backends.opencl.tiles import Tiles


def of(found: Found, **tiles: Tile) -> Table:
    platform, device, driver = made_on(found)
    return Table(platform=platform, device=device, driver=driver, tiles=tiles)


@pytest.fixture
def shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of tables that ship, empty."""
    folder = tmp_path / "shipped"
    folder.mkdir()
    monkeypatch.setattr(tables, "_SHIPPED", folder)
    monkeypatch.setenv(FOLDER, str(tmp_path / "cache"))
    return folder


def test_the_nearest_table_wins(found: Found, shipped: Path, tmp_path: Path) -> None:
    assert tiles_of({}, found) == Tiles()
    ships = of(found, one=Tile(1), two=Tile(2))
    write_table(msgspec.structs.replace(ships, device=ships.device[:7]), shipped / "family.json")
    assert tiles_of({}, found) == Tiles(table=ships.tiles, origin="shipped")
    keep(of(found, two=Tile(3)), found)
    keep(of(found, three=Tile(4)), found)  # of another network: what is there stays
    everything = {"one": Tile(1), "two": Tile(3), "three": Tile(4)}
    assert tiles_of({}, found) == Tiles(table=everything, origin="tuned")
    write_table(of(found, four=Tile(5)), tmp_path / "named.json")
    named = Tiles(table={"four": Tile(5)}, origin="file", winograd=False)
    assert tiles_of({"tiles": str(tmp_path / "named.json"), "winograd": False}, found) == named
    assert tiles_of({"tiles": "rule"}, found) == Tiles()


def test_a_table_for_one_makers_processors_goes_before_one_for_all(found: Found, shipped: Path) -> None:
    table = of(found, one=Tile(1))
    for name, length, tile in (("a", 5, Tile(5)), ("b", 9, Tile(9)), ("c", 7, Tile(7))):
        write_table(
            msgspec.structs.replace(table, device=table.device[:length], tiles={"one": tile}), shipped / f"{name}.json"
        )
    write_table(msgspec.structs.replace(table, device=table.device + " another"), shipped / "d.json")
    assert tiles_of({}, found).table == {"one": Tile(9)}


@pytest.mark.parametrize("field", ["platform", "device", "driver"])
def test_what_ships_for_others_is_not_taken(found: Found, shipped: Path, field: str) -> None:
    write_table(msgspec.structs.replace(of(found, one=Tile(1)), **{field: "another"}), shipped / "other.json")
    assert tiles_of({}, found) == Tiles()


@pytest.mark.usefixtures("shipped")
def test_a_damaged_cache_is_as_none_and_written_anew(found: Found) -> None:
    path = keep(of(found, one=Tile(1)), found)
    for content in (b"", b"[]", path.read_bytes()[:40], b'{"format": 1}'):
        path.write_bytes(content)
        assert kept_table(found) is None
        assert tiles_of({}, found).origin == "rule"
    keep(of(found, two=Tile(2)), found)
    assert tiles_of({}, found).table == {"two": Tile(2)}


@pytest.mark.usefixtures("shipped")
def test_without_a_place_nothing_is_kept(found: Found, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(FOLDER)
    assert kept_table(found) is None
    with pytest.raises(EngineError, match="name a file"):
        keep(of(found), found)
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setenv(FOLDER, str(tmp_path / "file"))
    with pytest.raises(EngineError, match="cannot write"):
        keep(of(found), found)


def test_what_ships_is_sound() -> None:
    """Every table of the product decodes, and has tiles that kernels have."""
    found = sorted((Path(tables.__file__).parent / "tables").glob("*.json"))
    assert found
    for path in found:
        table = msgspec.json.decode(path.read_bytes(), type=Table)
        assert table.tiles
        assert all(tile.width in (8, 16) and min(msgspec.structs.astuple(tile)) >= 1 for tile in table.tiles.values())
