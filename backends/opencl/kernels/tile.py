"""How much of a result a work-item of a product computes at once."""

from __future__ import annotations

import msgspec

from bench.backends.opencl.layout import BLOCK


class Tile(msgspec.Struct, frozen=True):
    """`pixels` of a row times `blocks` of 16 channels, in vectors of `width` (8 or 16).

    A work-item does `strips` of these, one after the other; that is an argument, for it follows the batch.
    """

    pixels: int
    blocks: int = 1
    width: int = 8
    strips: int = 1

    @property
    def parts(self) -> int:
        """Vectors of a block."""
        return BLOCK // self.width

    @property
    def vector(self) -> str:
        return f"float{self.width}"
