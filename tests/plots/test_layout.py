"""Every plot in both languages: no warning, no missing glyph, no text outside the picture or upon another one."""

from __future__ import annotations

import itertools
import warnings

import pytest
from matplotlib.backend_bases import RendererBase
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from bench.plots.drawing import style, to_png
from bench.plots.fonts import chinese_font

from .gallery import everything

PLOTS = everything()
Boxes = dict[int, tuple[str, Bbox]]  # by the artist, which may be drawn more than once
LANGUAGES = ["en", pytest.param("zh", marks=pytest.mark.skipif(chinese_font() is None, reason="no Chinese font"))]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Boxes:
    """What is written while something is drawn, and the box (pixels) that it fills: ticks beyond the axes are not."""
    found: Boxes = {}
    draw = Text.draw

    def noted(self: Text, renderer: RendererBase, *rest: object, **more: object) -> None:
        if self.get_visible() and self.get_text().strip():
            # The text alone: the box of an annotation holds its line, too.
            found[id(self)] = (self.get_text(), Text.get_window_extent(self, renderer))
        draw(self, renderer, *rest, **more)

    monkeypatch.setattr(Text, "draw", noted)
    return found


def shared(one: Bbox, other: Bbox) -> float:
    """Height in pixels of what both boxes cover; 0 where they do not meet."""
    common = Bbox.intersection(one, other)
    return 0.0 if common is None or common.width < 1.0 else float(common.height)


def outside(figure: Figure, found: Boxes) -> list[str]:
    """What does not lie within the figure."""
    whole = figure.bbox.padded(1.5)
    return [text for text, box in found.values() if not (whole.contains(*box.min) and whole.contains(*box.max))]


def overlapping(found: Boxes) -> list[tuple[str, str]]:
    """Pairs that lie upon one another. Boxes have the height of the tallest letters; lines may lie that close."""
    pairs = itertools.combinations(found.values(), 2)
    return [(one[0], other[0]) for one, other in pairs if shared(one[1], other[1]) > 3.0]


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", PLOTS)
def test_texts_lie_inside_and_apart(name: str, lang: str, drawn: Boxes) -> None:
    with warnings.catch_warnings(), style(lang):
        warnings.simplefilter("error")  # among them "Glyph ... missing from font(s)"
        figure = PLOTS[name].figure(lang)
        assert to_png(figure, lang).startswith(b"\x89PNG")
    assert len(drawn) > 4
    assert outside(figure, drawn) == []
    assert overlapping(drawn) == []


def test_the_measure_finds_what_it_is_for(drawn: Boxes) -> None:
    with style("en"):
        figure = PLOTS["latency"].figure("en")
        figure.axes[0].text(0.5, 0.5, "upon", transform=figure.axes[0].transAxes)
        figure.axes[0].text(0.51, 0.5, "another", transform=figure.axes[0].transAxes)
        figure.text(0.97, 0.5, "beyond the edge")
        to_png(figure, "en")
    assert overlapping(drawn) == [("upon", "another")]
    assert outside(figure, drawn) == ["beyond the edge"]


def test_a_missing_glyph_is_seen() -> None:
    with style("en"):
        figure = PLOTS["latency"].figure("en")
        figure.axes[0].set_title("\U000107ab")  # no font of ours has it
    with pytest.warns(UserWarning, match="Glyph"):
        to_png(figure, "en")
