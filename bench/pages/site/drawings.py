"""The pictures of a workload's page: every system in its own look, latency up to the slowest query."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from bench.pages.run import Picture
from bench.pages.site.entries import Entry, Section
from bench.plots.compared import Compared
from bench.plots.drawing import new_figure, style, to_svg
from bench.plots.fonts import plot_language
from bench.plots.latency import QuantileCurves
from bench.plots.palette import Palette
from bench.plots.ramp import RampCurves
from bench.text import sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Draw = Callable[["Axes", str, Palette], "Axes"]
_WIDTH, _LEAST_HEIGHT = 8.6, 3.1


def pictures_of(section: Section, palette: Palette, lang: str) -> tuple[Picture, ...]:
    """Of each measurement of a scenario its figure on all systems, and its curves where it has any."""
    drawn: list[Picture] = []
    for entries in _alike(section.entries):
        for key, height, draw in _plots(entries):
            caption = sentence(lang, f"site.{key}", measurement=entries[0].name)
            drawn.append(_picture(draw, height, palette, lang, caption))
    return tuple(drawn)


def _alike(entries: Sequence[Entry]) -> list[list[Entry]]:
    """What may be drawn together: one precision, one timed region."""
    found: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        found.setdefault((entry.record.measurement.name, entry.record.timed_region), []).append(entry)
    return list(found.values())


def _plots(entries: Sequence[Entry]) -> list[tuple[str, float, _Draw]]:
    records, names = [entry.record for entry in entries], [entry.system.name for entry in entries]
    found: list[tuple[str, float, _Draw]] = []
    compared = Compared.of(records, records[0].primary, names)
    if compared is not None and len(entries) > 1:
        found.append(("figure_compared", compared.height, compared.draw))
    # A legend of many systems is as high as its lines.
    height = max(_LEAST_HEIGHT, 0.6 + 0.24 * len(entries))
    ramps, curves = RampCurves.of(records, names), QuantileCurves.of(records, names)
    if ramps is not None:
        found.append(("figure_ramps", height, ramps.draw))
    if curves is not None:
        found.append(("figure_curves", height, curves.draw))
    return found


def _picture(draw: _Draw, height: float, palette: Palette, lang: str, caption: str) -> Picture:
    drawn = plot_language(lang)
    with style(drawn):
        figure = new_figure(_WIDTH, height)
        draw(figure.subplots(), drawn, palette)
    return Picture(caption=caption, svg=to_svg(figure, drawn, caption))
