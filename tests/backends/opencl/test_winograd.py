"""Winograd's way beside the direct one and onnxruntime: odd sizes, borders, filled-up channels, epilogues."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bench.backends.opencl.device import Found, Traits
from bench.backends.opencl.network import planned, prepared
from bench.backends.opencl.plan import Launch, Plan
from bench.backends.opencl.tiles import Rule, Tiles

from .graphs import Array, asked, normal, reference, saved
from .test_operators import node

# Fewer multiplications, and sums in another order: what the design allows beside the direct way.
CLOSE = 1e-5


def layer(folder: Path, size: tuple[int, int], pads: list[int], batch: int, channels: tuple[int, int]) -> tuple:  # type: ignore[type-arg]
    """A 3x3 convolution whose results are added to another value, after a convolution that leaves a border."""
    rng = np.random.default_rng(size[0] * 100 + size[1])
    inside, out = channels
    nodes = [
        node("Conv", "x w b", "c", pads=pads),
        node("Add", "c s", "d"),
        node("Relu", "d", "y"),
    ]
    down, across = size[0] + pads[0] + pads[2] - 2, size[1] + pads[1] + pads[3] - 2
    inputs: dict[str, Array] = {"x": normal(rng, batch, inside, *size), "s": normal(rng, batch, out, down, across)}
    constants: dict[str, Array] = {"w": normal(rng, out, inside, 3, 3) / 24, "b": normal(rng, out)}
    return saved(folder / "one.onnx", nodes, inputs, ["y"], constants), inputs


def relative(got: Array, right: Array) -> float:
    return float(np.abs(got - right).max() / np.abs(right).max())


@pytest.mark.parametrize(
    ("size", "pads", "batch", "channels"),
    [
        ((8, 8), [1] * 4, 1, (64, 64)),
        ((7, 9), [1] * 4, 3, (80, 67)),
        ((6, 5), [0] * 4, 2, (64, 96)),
        ((3, 12), [0, 1, 2, 0], 1, (66, 64)),
        ((3, 3), [0] * 4, 2, (64, 64)),
    ],
)
def test_it_agrees(
    found: Found, tmp_path: Path, size: tuple[int, int], pads: list[int], batch: int, channels: tuple[int, int]
) -> None:
    model, inputs = layer(tmp_path, size, pads, batch, channels)
    right = reference(model.path, inputs, ["y"])["y"]
    facts, turned = asked(found, model, inputs)
    assert facts.applied["winograd_layers"] == 1
    facts, direct = asked(found, model, inputs, {"strict_device": True, "winograd": False})
    assert facts.applied["winograd_layers"] == 0
    assert relative(turned["y"], right) < CLOSE
    assert relative(direct["y"], right) < CLOSE
    assert not np.array_equal(turned["y"], direct["y"])  # it is another way, and not the same one under two names


def plan(folder: Path, channels: tuple[int, int], tiles: Tiles | None = None) -> Plan:
    model, _ = layer(folder, (14, 14), [1] * 4, 1, channels)
    return planned(prepared(model), model, Traits(2, 8), 1, tiles or Tiles())[0]


def test_small_layers_go_the_direct_way(tmp_path: Path) -> None:
    kinds = [one.kernel.name.rpartition("_")[0] for one in plan(tmp_path, (32, 64)).steps if isinstance(one, Launch)]
    assert "conv" in kinds
    assert not any(kind.startswith("winograd") for kind in kinds)


def test_products_are_four_ninths(tmp_path: Path) -> None:
    direct, turned = (
        sum(one.macs for one in plan(tmp_path, (64, 128), Tiles(winograd=way)).steps if isinstance(one, Launch))
        for way in (False, True)
    )
    assert direct == 14 * 14 * 64 * 128 * 9
    assert turned * 9 == direct * 4


def test_strips_of_even_width(tmp_path: Path) -> None:
    """49 squares in strips of at most 14 pixels: four of 13, and not of 14."""
    steps = plan(tmp_path, (64, 64), Tiles(rule=Rule(14))).steps
    (tile,) = [one.tile for one in steps if isinstance(one, Launch) and one.tile is not None]
    assert tile.pixels == 13
