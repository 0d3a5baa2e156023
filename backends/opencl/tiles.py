"""How large the tiles of a layer are on a device, before anything has been measured."""

from __future__ import annotations

from bench.backends.opencl.device import Traits
from bench.backends.opencl.kernels.convolution import Convolution
from bench.backends.opencl.kernels.product import Product
from bench.backends.opencl.kernels.tile import Tile

# Work-items that each core should get of a layer: few cost balance, many cost launches.
_ITEMS_A_CORE = 8


def convolution_tile(layer: Convolution, traits: Traits, samples: int) -> Tile:
    """As many pixels as registers hold accumulators for, strips so that the cores have some work-items each."""
    pixels = min(_pixels(traits), layer.result.width)
    tile = Tile(pixels=pixels, blocks=1, width=traits.vector)
    items = layer.strips(tile) * layer.result.blocks * samples
    return Tile(pixels, 1, traits.vector, _strips(items, layer.strips(tile), traits))


def depthwise_tile(layer: Convolution, traits: Traits, samples: int) -> Tile:
    """Rows instead of strips: a work-item goes through whole rows."""
    pixels = min(4, layer.result.width)
    items = layer.result.height * layer.result.blocks * samples
    return Tile(pixels, 1, 8, _strips(items, layer.result.height, traits))


def product_tile(layer: Product, rows: int, batch: int, traits: Traits) -> Tile:
    """Like a convolution's; rows take the place of pixels."""
    pixels = max(1, min(_pixels(traits), rows))
    strips = -(-rows // pixels)
    return Tile(pixels, 1, traits.vector, _strips(strips * layer.blocks * batch, strips, traits))


def _pixels(traits: Traits) -> int:
    """Vectors of accumulators, a vector of weights each and one number each must fit the registers."""
    return 14 if traits.vector == 16 else 6


def _strips(items: int, most: int, traits: Traits) -> int:
    return max(1, min(most, 16, items // (traits.units * _ITEMS_A_CORE)))
