"""Pictures as they were: small grey ones are kept, and what is drawn now may differ from them by little.

The tolerance is our own: matplotlib's asks for the same pixels, which another release of it or of numpy does not give.
After a change that is meant, look at the new ones and write them: `python -m tests.plots.test_pictures`.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bench.plots.drawing import style, to_png
from bench.plots.latency import QuantileCurves

from .gallery import Shown, everything, of_system

KEPT = Path(__file__).parent / "pictures"
NAMES = ("latency", "latency-of-3", "ramps", "compared", "forest-of-7", "roofline", "places", "state")
WIDTH = 360
# Of 255: the mean over cells of 8 by 8 pixels that a picture may differ by, and a single cell.
MEAN, CELL = 0.5, 20.0


def small(shown: Shown) -> Image.Image:
    """In grey, 360 pixels wide: what is drawn stays, the edges of letters do not."""
    with style("en"):
        picture = Image.open(io.BytesIO(to_png(shown.figure("en"), "en"))).convert("L")
    return picture.resize((WIDTH, round(WIDTH * picture.height / picture.width)), Image.Resampling.BOX)


def kept(name: str) -> Image.Image:
    """The picture as it was."""
    return Image.open(KEPT / f"{name}.png").convert("L")


def cells(picture: Image.Image) -> NDArray[np.float64]:
    """Mean greys of cells of 8 by 8 pixels."""
    grey = np.asarray(picture, np.float64)
    high, wide = grey.shape[0] // 8, grey.shape[1] // 8
    return grey[: 8 * high, : 8 * wide].reshape(high, 8, wide, 8).mean(axis=(1, 3))


def alike(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures differ by less than the tolerance."""
    if one.size != other.size:
        return False
    apart = np.abs(cells(one) - cells(other))
    return bool(apart.mean() < MEAN and apart.max() < CELL)


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_is_as_it_was(name: str) -> None:
    assert alike(small(everything()[name]), kept(name))


def test_kept_pictures_are_small_and_none_is_left_over() -> None:
    files = {file.stem: file.stat().st_size for file in KEPT.glob("*.png")}
    assert set(files) == set(NAMES)
    assert max(files.values()) < 15_000


def curves(slower: float) -> Shown:
    """One of three systems is so many times as slow as it was."""
    plot = QuantileCurves.of([of_system(0), of_system(1, speed=1.17 * slower), of_system(2)])
    assert plot is not None
    return Shown(8.0, 3.4, plot.draw)


def test_the_tolerance_lets_no_change_of_the_figures_through() -> None:
    assert alike(small(curves(1.0)), kept("latency-of-3"))
    assert not alike(small(curves(1.1)), kept("latency-of-3"))


if __name__ == "__main__":
    KEPT.mkdir(exist_ok=True)
    for each in NAMES:
        small(everything()[each]).quantize(32).save(KEPT / f"{each}.png", optimize=True)
