"""Pictures as pages on paper have them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from bench.pages.run import Picture
from bench.plots.drawing import new_figure, style, to_svg
from bench.plots.fonts import plot_language
from bench.plots.palette import PAGE_COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Draw = Callable[["Axes", str], object]


def picture(draw: Draw, width: float, height: float, caption: str, lang: str) -> Picture:
    """One picture of a size in inches, drawn in the language that there is a font for, in the colours of print."""
    drawn = plot_language(lang)
    with style(drawn):
        figure = new_figure(width, height)
        draw(figure.subplots(), drawn)
    return printed(Picture(caption=caption, svg=to_svg(figure, drawn, caption)))


def printed(shown: Picture) -> Picture:
    """The picture in the colours of print: an engine for PDF does not hand a page's own on into drawings."""
    svg = shown.svg
    for colour, on_page in PAGE_COLOURS.items():
        svg = svg.replace(on_page, colour)
    return msgspec.structs.replace(shown, svg=svg)
