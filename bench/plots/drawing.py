"""What all plots share: a figure without global state, colours that colour-blind readers can tell apart, fonts, export.

matplotlib is imported inside the functions; numbers are prepared in `plots` and `summary_plot`.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final  # Any: matplotlib's own settings

import numpy as np
from numpy.typing import NDArray

from bench.store.places import CACHE_PARTS, cache_directory
from bench.text import sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's blue and vermilion; ink is nearly black. On a page they become the page's own colours.
SERIES: Final = "#0072b2"
ACCENT: Final = "#d55e00"
INK: Final = "#1f2328"
_PAGE_COLOURS: Final = {SERIES: "var(--series)", ACCENT: "var(--accent)", INK: "currentColor"}
_CHINESE_FONTS: Final = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "Noto Sans CJK JP",  # the same glyph collection, under the name of its first face
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "PingFang SC",
    "Heiti SC",
    "Microsoft YaHei",
    "SimHei",
    "Droid Sans Fallback",
)
_CHINESE_FILES: Final = ("cjk", "sourcehansans", "notosanssc", "wqy", "simhei", "msyh", "pingfang", "droidsansfallback")
_MATPLOTLIBS_PLACE: Final = "MPLCONFIGDIR"
_PLACES: Final = 4
_WIDE_RANGE: Final = 20.0
_LOG: Final = logging.getLogger(__name__)


def plot_language(lang: str) -> str:
    """The language that plots can be labelled in: `lang`, or English where no installed font has its characters."""
    if lang != "zh" or _chinese_font() is not None:
        return lang
    _say_that_no_font_is_there()
    return "en"


@cache
def _say_that_no_font_is_there() -> None:
    _LOG.warning("No font with Chinese characters is installed: plots are labelled in English (`fonts-noto-cjk`).")


@contextmanager
def style(lang: str, salt: str = "") -> Iterator[None]:
    """matplotlib's settings for our plots, for as long as the block lasts; `salt` keeps ids of an SVG its own."""
    _load_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context(_settings(lang, salt)):
        yield


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, independent of pyplot. To be used inside `style`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    figure.patch.set_alpha(0.0)
    return figure


def to_png(figure: Figure, lang: str) -> bytes:
    """The figure as PNG on white."""
    content = io.BytesIO()
    with style(lang):
        _lay_out(figure)
        figure.savefig(content, format="png", dpi=160, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def to_svg(figure: Figure, lang: str, title: str) -> str:
    """The figure as an SVG element to stand inside HTML: in the page's colours, named `title` for screen readers."""
    content = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with style(lang, salt=title):
        _lay_out(figure)
        figure.savefig(content, format="svg", transparent=True, metadata=nothing)
    text = content.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    # Hundredths of a point are enough for a path, and halve the file.
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"\d+\.\d{3,}", _hundredths, path[0]), text)
    # Inside HTML an SVG needs no namespaces; without them the file holds no address at all.
    text = re.sub(r' xmlns(:\w+)?="[^"]*"', "", text)
    for colour, page_colour in _PAGE_COLOURS.items():
        text = text.replace(colour, page_colour)
    return text.replace("<svg", f'<svg role="img" aria-label="{_attribute(title)}"', 1)


def _lay_out(figure: Figure) -> None:
    """Place the axes, to a ten-thousandth of the figure: the last bits of the solver differ from process to process."""
    engine = figure.get_layout_engine()
    if engine is None:
        return
    engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(tuple(round(part, _PLACES) for part in axes.get_position(original=True).bounds))


def identifier(text: str, most: int = 60) -> str:
    """A name from a record as every font can draw it, at most `most` characters long."""
    drawable = "".join(character if " " <= character <= "~" else "?" for character in text)
    return drawable if len(drawable) <= most else f"{drawable[: most - 3]}..."


def mark_state(axes: Axes, state: str, lang: str) -> None:
    """Write INVALID or PARTIAL across a plot whose numbers are that."""
    if state not in ("invalid", "partial"):
        return
    word = sentence(lang, "plot.void" if state == "invalid" else "plot.partial")
    box = {"facecolor": "none", "edgecolor": ACCENT, "linewidth": 1.2}
    axes.text(0.98, 0.95, word, transform=axes.transAxes, ha="right", va="top", color=ACCENT, weight="bold", bbox=box)


@cache
def _load_matplotlib() -> None:
    """Import matplotlib with its list of fonts in our cache, not in the home; the environment stays as it is."""
    if _MATPLOTLIBS_PLACE in os.environ:
        return
    os.environ[_MATPLOTLIBS_PLACE] = str(cache_directory() / CACHE_PARTS[0] / "matplotlib")
    try:
        import matplotlib.font_manager  # noqa: F401 - reads the variable, once and for all
    finally:
        del os.environ[_MATPLOTLIBS_PLACE]


@cache
def _chinese_font() -> str | None:
    _load_matplotlib()
    from matplotlib.font_manager import findSystemFonts, fontManager

    font = _listed_font()
    if font is None:  # matplotlib keeps its list of fonts for ever; one installed since is not in it
        for path in findSystemFonts():
            if any(mark in Path(path).name.lower() for mark in _CHINESE_FILES):
                fontManager.addfont(path)
        font = _listed_font()
    return font


def _listed_font() -> str | None:
    from matplotlib.font_manager import fontManager

    listed = {entry.name for entry in fontManager.ttflist}
    return next((font for font in _CHINESE_FONTS if font in listed), None)


def _settings(lang: str, salt: str) -> Any:  # Any: newer matplotlib types every key, older ones any string
    chinese = _chinese_font() if lang == "zh" else None
    return {
        "font.family": ["DejaVu Sans", *([chinese] if chinese else [])],
        "font.size": 9.0,
        "text.parse_math": False,  # a name may hold a dollar sign
        "text.color": INK,
        "axes.edgecolor": INK,
        "axes.labelcolor": INK,
        "axes.titlesize": 9.0,
        "axes.titleweight": "bold",
        "axes.titlelocation": "left",
        "axes.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": INK,
        "grid.alpha": 0.15,
        "grid.linewidth": 0.5,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.frameon": False,
        "hatch.linewidth": 0.5,
        "svg.fonttype": "path",
        "svg.hashsalt": salt or "bench",
    }


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _attribute(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def value_axis(axes: Axes, values: NDArray[np.float64]) -> None:
    """A logarithmic axis with plain numbers where the values span a wide range, else a linear one from zero."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    seen = values[np.isfinite(values) & (values > 0.0)]
    if seen.size and seen.max() > _WIDE_RANGE * seen.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(10.0))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set_ylim(seen.min() / 2.5, seen.max() * 5.0)
    elif seen.size:
        axes.set_ylim(0.0, seen.max() * 1.25)
