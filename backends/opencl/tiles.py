"""How large the tiles of a layer are: as a table of measurements has them, or by a rule where there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from bench.backends.base import EngineError
from bench.backends.opencl.device import Traits
from bench.backends.opencl.kernels.arithmetic import FLOATS, Arithmetic
from bench.backends.opencl.kernels.convolution import Convolution
from bench.backends.opencl.kernels.product import Product
from bench.backends.opencl.kernels.tile import Tile

# Up to this many strips (or rows) a work-item: more would leave cores without work at the end of a layer.
_MOST_STRIPS = 16
# Pixels of a convolution of each channel by itself: it is bound by memory, and its taps take registers, too.
_MOST_ALONE = 8


class Rule(msgspec.Struct, frozen=True):
    """Pixels, blocks and width as `Tile` has them, as far as a layer allows.

    Strips so that each core gets so many items: few cost balance, many cost launches.
    """

    pixels: int
    blocks: int = 1
    width: int = 8
    items_a_core: int = 8


class Tiles(msgspec.Struct, frozen=True):
    """Tiles of layers by their key, and the rule for all others; None: by the registers of the device.

    `origin` says where the table is from, and `winograd` whether 3x3 convolutions may go that way. `same` is what a
    layer has at another length: it is taken where it fits, for the sake of programs and weights that serve both.
    """

    table: Mapping[str, Tile] = {}
    rule: Rule | None = None
    origin: str = "rule"
    winograd: bool = True
    same: Tile | None = None

    def convolution(
        self, layer: Convolution, traits: Traits, samples: int, kind: Arithmetic = FLOATS
    ) -> tuple[str, Tile]:
        """Key and tile; strips are those of the whole picture."""
        most, blocks = layer.result.width, layer.result_blocks
        rule = _narrow(self.rule or _by_registers(traits), kind)
        tile = _tile(rule, most, blocks)
        strips = layer.strips(tile)
        tile = _with_strips(tile, strips * layer.result.blocks // tile.blocks * samples, strips, rule, traits)
        return self._chosen(_key(_word("conv", kind), layer, samples), tile, most, blocks)

    def depthwise(
        self, layer: Convolution, traits: Traits, samples: int, kind: Arithmetic = FLOATS
    ) -> tuple[str, Tile]:
        """Strips are rows: a work-item goes through whole rows, one block at a time."""
        most, rows = layer.result.width, layer.result.height
        rule = _narrow(self.rule or Rule(pixels=4), kind)
        tile = _tile(rule, min(most, _MOST_ALONE), 1)
        tile = _with_strips(tile, rows * layer.result.blocks * samples, rows, rule, traits)
        return self._chosen(_key(_word("depthwise", kind), layer, samples), tile, most, 1)

    def product(
        self, layer: Product, rows: int, batch: int, traits: Traits, kind: Arithmetic = FLOATS
    ) -> tuple[str, Tile]:
        """Rows take the place of pixels."""
        rule = _narrow(self.rule or _by_registers(traits), kind)
        tile = _tile(rule, rows, layer.blocks)
        strips = -(-rows // tile.pixels)
        tile = _with_strips(tile, strips * layer.blocks // tile.blocks * batch, strips, rule, traits)
        return self._chosen(_key(_word(f"product {rows}", kind), layer, batch), tile, rows, layer.blocks)

    def _chosen(self, key: str, ruled: Tile, most: int, blocks: int) -> tuple[str, Tile]:
        """The key, and the table's tile where it has one. Raises EngineError for one that reads beyond the layer."""
        if self.same is not None and self.same.pixels <= most and blocks % self.same.blocks == 0:
            return key, _shared_out(self.same, ruled)
        tile = self.table.get(key, ruled)
        if self.origin == "shipped":  # measured with other cores, whose share this device's rule knows
            tile = _shared_out(tile, ruled)
        if tile.pixels > most or blocks % tile.blocks:
            raise EngineError(
                f"opencl: the table of tiles has {tile.pixels} by {tile.blocks} for a layer of {most} by {blocks} "
                f"({key}); write it anew with `bench opencl tune`."
            )
        return key, tile


def rules(traits: Traits) -> tuple[Rule, ...]:
    """What is worth measuring on a device, the default first."""
    first = _by_registers(traits)
    narrow = [Rule(pixels=p, width=8, items_a_core=i) for p in (6, 4) for i in (8, 32)]
    wide = [Rule(p, b, 16, i) for p, b in ((14, 1), (28, 1), (7, 2), (14, 2), (8, 1)) for i in (8, 32)]
    return tuple(dict.fromkeys((first, *(narrow if traits.vector == 8 else wide), Rule(6, 1, 8), Rule(6, 1, 16))))


def _by_registers(traits: Traits) -> Rule:
    """Accumulators, a vector of weights and a number must fit the registers: 16 of them, or 32 wide ones."""
    return Rule(pixels=14 if traits.vector == 16 else 6, width=traits.vector)


def _narrow(rule: Rule, kind: Arithmetic) -> Rule:
    """Pairs of shorts are multiplied by eights."""
    return msgspec.structs.replace(rule, width=8) if kind.whole else rule


def _word(word: str, kind: Arithmetic) -> str:
    return f"{word} {kind.name}" if kind.name else word


def _tile(rule: Rule, most: int, blocks: int) -> Tile:
    """As wide as the rule says, or a little narrower, so that no strip has pixels of the one before it."""
    strips = -(-most // rule.pixels)
    return Tile(max(1, -(-most // max(1, strips))), rule.blocks if blocks % rule.blocks == 0 else 1, rule.width)


def _with_strips(tile: Tile, items: int, most: int, rule: Rule, traits: Traits) -> Tile:
    strips = max(1, min(most, _MOST_STRIPS, items // (traits.units * rule.items_a_core)))
    return msgspec.structs.replace(tile, strips=strips)


def _shared_out(tile: Tile, ruled: Tile) -> Tile:
    """With as many strips a work-item as make its share that of the rule."""
    strips = max(1, ruled.strips * ruled.pixels * ruled.blocks // (tile.pixels * tile.blocks))
    return msgspec.structs.replace(tile, strips=strips)


def _key(kind: str, layer: Convolution | Product, samples: int) -> str:
    """Names a layer and a batch; the same in every process."""
    digest = hashlib.sha256(msgspec.json.encode(layer, order="deterministic")).hexdigest()
    return f"{kind} {digest[:12]} x{samples}"
