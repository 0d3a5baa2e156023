"""Tiles: right answers under every rule, the fastest rule of each layer, a budget, and tables that are refused."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest
from onnx import helper

from bench.backends.base import EngineError, Model, Unsupported
from bench.backends.opencl import tables, tuning
from bench.backends.opencl.backend import BACKEND
from bench.backends.opencl.compiled import Compiled
from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.kernels.convolution import Convolution
from bench.backends.opencl.kernels.product import Product
from bench.backends.opencl.kernels.tile import Tile
from bench.backends.opencl.layout import Geometry
from bench.backends.opencl.network import planned, prepared
from bench.backends.opencl.plan import Launch, Plan
from bench.backends.opencl.tiles import Rule, Tiles, rules

from .. import seam
from .graphs import Array, normal, reference, saved


def small(folder: Path) -> tuple[Model, dict[str, Array]]:
    """A convolution of 32 channels, one of each channel by itself, and a product."""
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1] * 4),
        helper.make_node("Conv", ["a", "d"], ["b"], pads=[1] * 4, group=32),
        helper.make_node("Add", ["a", "b"], ["c"]),
        helper.make_node("GlobalAveragePool", ["c"], ["p"]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "m"], ["y"]),
    ]
    constants = {"w": normal(rng, 32, 3, 3, 3), "d": normal(rng, 32, 1, 3, 3), "m": normal(rng, 32, 37)}
    inputs: dict[str, Array] = {"x": normal(rng, 2, 3, 9, 7)}
    return saved(folder / "small.onnx", nodes, inputs, ["y"], constants), inputs


def test_another_batch_needs_no_other_kernels_for_its_convolutions(tmp_path: Path) -> None:
    model, _ = small(tmp_path)
    graph = prepared(model)
    kernels = [
        {name for name in planned(graph, model, Traits(2, 8), samples, Tiles())[0].kernels() if "product" not in name}
        for samples in (1, 2, 64)
    ]
    assert kernels[0] == kernels[1] == kernels[2]
    assert len(kernels[0]) > 2


@pytest.mark.parametrize("rule", [Rule(6, 1, 8, 1), Rule(14, 2, 16, 8), Rule(4, 2, 8, 32), Rule(28, 1, 16, 1)])
def test_every_rule_gives_the_same_answers(found: Found, tmp_path: Path, rule: Rule) -> None:
    model, inputs = small(tmp_path)
    compiled = Compiled(model, found, seam.options(max_batch=2), Tiles(rule=rule))
    answers = seam.ask(compiled.open(0), model, inputs, (2,))
    np.testing.assert_allclose(
        np.asarray(answers["y"], np.float32), reference(model.path, inputs, ["y"])["y"], rtol=1e-4, atol=1e-4
    )
    compiled.close()


@pytest.mark.parametrize("rule", [Rule(7, 2, 16), Rule(14, 2, 16, 32), Rule(4, 2, 8)])
def test_matrices_that_come_with_the_data_are_packed_for_every_rule(found: Found, tmp_path: Path, rule: Rule) -> None:
    """Those of the file are packed beforehand, for as many blocks as a tile has; these on the device."""
    rng = np.random.default_rng(1)
    inputs: dict[str, Array] = {"q": normal(rng, 2, 3, 9, 24), "k": normal(rng, 2, 3, 24, 64)}
    model = saved(tmp_path / "products.onnx", [helper.make_node("MatMul", ["q", "k"], ["y"])], inputs, ["y"])
    compiled = Compiled(model, found, seam.options(max_batch=2), Tiles(rule=rule))
    answers = seam.ask(compiled.open(0), model, inputs, (2,))
    np.testing.assert_allclose(answers["y"], reference(model.path, inputs, ["y"])["y"], rtol=1e-4, atol=1e-4)
    compiled.close()


def test_tiles_fit_the_layers_that_they_are_for() -> None:
    narrow = Convolution(Geometry(16, 5, 3), Geometry(48, 5, 3), (1, 1))
    for traits in (Traits(2, 8), Traits(64, 16)):
        for rule in rules(traits):
            _, tile = Tiles(rule=rule).convolution(narrow, traits, 1)
            assert tile.pixels <= 3
            assert 3 % tile.blocks == 0
            _, tile = Tiles(rule=rule).product(Product(8, 100), 2, 1, traits)
            assert tile.pixels <= 2
            assert 7 % tile.blocks == 0
        assert rules(traits)[0].width == traits.vector
    key, _ = Tiles().convolution(narrow, Traits(2, 8), 1)
    for beyond in (Tile(4), Tile(3, 2)):
        with pytest.raises(EngineError, match="write it anew with `bench opencl tune`"):
            Tiles(table={key: beyond}).convolution(narrow, Traits(2, 8), 1)
    many = Convolution(Geometry(64, 56, 56), Geometry(256, 56, 56), (1, 1))
    assert Tiles().convolution(many, Traits(2, 8), 8)[1].strips > Tiles().convolution(many, Traits(256, 8), 1)[1].strips


def test_each_layer_keeps_its_fastest_rule(found: Found, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times are scripted: layer k is fastest under rule k."""
    model, _ = small(tmp_path)
    graph, every = prepared(model), rules(found.traits)
    asked: list[Rule] = []

    def timed(*given: object) -> tuple[Plan, dict[int, list[float]], list[float]]:
        tiles = given[4]
        assert isinstance(tiles, Tiles)
        assert tiles.rule is not None
        asked.append(tiles.rule)
        plan = planned(graph, model, found.traits, 2, tiles)[0]
        tunable = [n for n, step in enumerate(plan.steps) if isinstance(step, Launch) and step.tile is not None]
        times = {n: [900.0, 100.0 + 10 * abs(len(asked) - 1 - k)] for k, n in enumerate(tunable)}
        return plan, times, [1.0]

    monkeypatch.setattr(tuning, "timed", timed)
    table, came_to = tuning.tune(model, found, seam.options(max_batch=2), 60.0, 2)
    assert asked == list(every)
    assert (came_to.layers, came_to.tried, came_to.rules) == (3, len(every), len(every))
    assert (came_to.before_ns, came_to.after_ns) == (330.0, 300.0)
    plans = [planned(graph, model, found.traits, 2, Tiles(rule=rule))[0] for rule in every[:3]]
    steps = [[step for step in plan.steps if isinstance(step, Launch) and step.tile is not None] for plan in plans]
    assert table.tiles == {steps[k][k].key: steps[k][k].tile for k in range(3)}
    # Whoever reads it gets these tiles, and the answers stay right.
    path = tmp_path / "tiles.json"
    tables.write_table(table, path)
    options = seam.options(max_batch=2, settings={"tiles": str(path)})
    compiled = BACKEND.compile(model, found.device, options)
    assert compiled.facts.applied["tuned_layers"] == 3
    compiled.close()
    # Without time the default alone is measured.
    asked.clear()
    assert tuning.tune(model, found, seam.options(max_batch=2), 0.0, 2)[1].tried == 1


def test_a_network_is_tuned(found: Found, tmp_path: Path) -> None:
    model, _ = small(tmp_path)
    table, came_to = tuning.tune(model, found, seam.options(max_batch=2), 0.0, 2)
    assert len(table.tiles) == came_to.layers == 3
    assert came_to.before_ns == came_to.after_ns > 0


def test_tables_that_are_none_or_of_another_device_are_refused(found: Found, tmp_path: Path) -> None:
    path = tmp_path / "tiles.json"
    good = tables.Table(
        platform=found.platform, device=str(found.own.name).strip(), driver=str(found.own.driver_version), tiles={}
    )

    def refusal(content: bytes) -> str:
        path.write_bytes(content)
        with pytest.raises(Unsupported) as caught:
            tables.read_table(path, found)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    tables.write_table(good, path)
    assert tables.read_table(path, found) == good
    assert "is no table of tiles" in refusal(b"[]")
    assert "were measured on" in refusal(msgspec.json.encode(msgspec.structs.replace(good, driver="0")))
    for wrong in (Tile(0), Tile(4, 1, 12), Tile(4, 1, 8, -1)):
        assert "holds tiles that no kernel has" in refusal(
            msgspec.json.encode(msgspec.structs.replace(good, tiles={"conv": wrong}))
        )
    path.unlink()
    with pytest.raises(Unsupported, match="`bench opencl tune` writes it"):
        tables.read_table(path, found)
