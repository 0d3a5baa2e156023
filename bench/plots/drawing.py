"""What all plots share: a figure without global state, one style, export, axes in plain numbers.

matplotlib is imported inside the functions; numbers are prepared by the plots themselves.
"""

from __future__ import annotations

import io
import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal  # Any: matplotlib's own settings

import numpy as np
from numpy.typing import NDArray

from bench.plots.fonts import families, identifier, load_matplotlib
from bench.plots.palette import ACCENT, INK
from bench.plots.svg import inline_svg, svg_file
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PLACES: Final = 4
_DPI: Final = 160.0
_SVG_DPI: Final = 72.0  # what matplotlib writes SVG at
_WIDE_RANGE: Final = 20.0
_NARROW: Final = 10.0
_NAME: Final = 30
_TEXT_INCHES: Final = 0.15
_LEGEND_ROW: Final = 13.0


@contextmanager
def style(lang: str, salt: str = "") -> Iterator[None]:
    """matplotlib's settings for our plots, for as long as the block lasts; `salt` keeps ids of an SVG its own.

    `lang` is what the plots are labelled in (`fonts.plot_language`); fonts are the same for all.
    """
    load_matplotlib()
    import matplotlib as mpl

    with mpl.rc_context(_settings(salt)):
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
        _lay_out(figure, _DPI)
        figure.patch.set_alpha(1.0)  # see-through, it would be unreadable on a dark page
        figure.savefig(content, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None})
    return content.getvalue()


def to_svg(figure: Figure, lang: str, title: str) -> str:
    """The figure as an SVG element to stand inside HTML: in the page's colours, named `title` for screen readers."""
    with style(lang, salt=title):
        _lay_out(figure, _SVG_DPI)
        return inline_svg(figure, title)


def to_file(figure: Figure, lang: str, title: str, target: Path) -> bytes:
    """The figure as what the suffix of `target` says: SVG, else PNG."""
    return to_svg_file(figure, lang, title) if target.suffix.lower() == ".svg" else to_png(figure, lang)


def to_svg_file(figure: Figure, lang: str, title: str) -> bytes:
    """The figure as an SVG file of its own, in the colours of print."""
    with style(lang, salt=title):
        _lay_out(figure, _SVG_DPI)
        return svg_file(figure, title).encode()


def _lay_out(figure: Figure, dpi: float) -> None:
    """Place the axes, to a ten-thousandth of the figure: the last bits of the solver differ from process to process.

    At the resolution that is written: texts are not equally wide at all of them.
    """
    engine = figure.get_layout_engine()
    if engine is None:
        return
    figure.set_dpi(dpi)
    engine.execute(figure)
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(tuple(round(part, _PLACES) for part in axes.get_position(original=True).bounds))


def mark_state(axes: Axes, state: str, lang: str) -> None:
    """Write INVALID or PARTIAL across a plot whose numbers are that."""
    word = state_word(state, lang)
    if not word:
        return
    box = {"facecolor": "none", "edgecolor": ACCENT, "linewidth": 1.2}
    axes.text(0.98, 0.95, word, transform=axes.transAxes, ha="right", va="top", color=ACCENT, weight="bold", bbox=box)


def state_word(state: str, lang: str) -> str:
    """INVALID or PARTIAL in `lang`; empty for a number that may be trusted as far as it goes."""
    keys = {"invalid": "plot.void", "partial": "plot.partial"}
    return sentence(lang, keys[state]) if state in keys else ""


def system_label(name: str, state: str, lang: str) -> str:
    """A system in a legend, with a word where its numbers are void or not all there."""
    return "  ".join(filter(None, (identifier(name, 40), state_word(state, lang))))


def value_axis(axes: Axes, values: NDArray[np.float64], which: Literal["x", "y"] = "y") -> None:
    """A logarithmic axis with plain numbers where the values span a wide range, else a linear one from zero."""
    seen = values[np.isfinite(values) & (values > 0.0)]
    limits = axes.set_ylim if which == "y" else axes.set_xlim
    if seen.size and seen.max() > _WIDE_RANGE * seen.min():
        log_axis(axes, which, seen.min() / 2.5, seen.max() * 5.0)
    elif seen.size:
        limits(0.0, seen.max() * 1.25)


def log_axis(axes: Axes, which: Literal["x", "y"], low: float, high: float) -> None:
    """Logarithmic from `low` to `high`, with plain numbers: formulas are switched off.

    Labelled at powers of ten; over less than two of them at their doubles and fives, too, and over less than one
    in equal steps.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    (axes.set_ylim if which == "y" else axes.set_xlim)(low, high)
    axis = axes.yaxis if which == "y" else axes.xaxis
    subs = (1.0,) if high > 100.0 * low else (1.0, 2.0, 5.0)
    axis.set_major_locator(LogLocator(10.0, subs) if high > _NARROW * low else MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.6g}"))
    axis.set_minor_formatter(NullFormatter())


def name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Horizontal rows, the first on top, each with its name; long names on two lines."""
    axes.set_yticks(range(len(names)), [_on_two_lines(name) for name in names])
    axes.set_ylim(max(len(names), 1) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def _on_two_lines(name: str) -> str:
    return textwrap.fill(name, max(_NAME, len(name) // 2 + 6), max_lines=2, placeholder="...")


def beside_rows(axes: Axes, texts: Sequence[str]) -> None:
    """A text for each row, in a column to the right of the axes, where nothing is drawn over it."""
    for row, text in enumerate(texts):
        axes.annotate(text, (1.0, row), (6, 0), ("axes fraction", "data"), "offset points", va="center", fontsize=8)


def legend_above(axes: Axes, title: str, columns: int = 4) -> None:
    """Title, and below it a legend in `columns`, above the axes: inside it would stand upon what is drawn."""
    entries = len(axes.get_legend_handles_labels()[0])
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 0.99), ncols=columns, fontsize=8, borderaxespad=0.0, columnspacing=1.2
    )
    axes.set_title(title, pad=4.0 + _LEGEND_ROW * math.ceil(entries / columns))


def legend_beside(axes: Axes) -> None:
    """A legend to the right of the axes: of many systems there is no room inside."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), fontsize=8, handlelength=3.4, borderaxespad=0.0)


def label_beside(axes: Axes, places: Sequence[tuple[float, float]], texts: Sequence[str]) -> None:
    """Name points in a column to the right of the axes, in order of height, each with a thin line to its point.

    Texts never overlap, however close the points are; the axes' limits must be set before.
    """
    import matplotlib.transforms as transforms

    # From values to shares of the axes, through whatever scale they have.
    to_axes = axes.transScale + transforms.BboxTransformFrom(axes.viewLim.transformed(axes.transScale))
    at = [float(y) for _, y in to_axes.transform(np.array(places, np.float64).reshape(-1, 2))]
    inches = float(axes.get_figure(root=True).get_size_inches()[1]) * 0.75  # type: ignore[union-attr]
    heights = _spread(np.array(at), min(_TEXT_INCHES / inches, 1.0 / max(1, len(at) - 1)))
    for place, height, text in zip(places, heights, texts, strict=True):
        axes.annotate(
            text, place, (1.03, float(height)), xycoords="data", textcoords="axes fraction", va="center", fontsize=7.5,
            arrowprops={"arrowstyle": "-", "color": INK, "linewidth": 0.4, "alpha": 0.6, "shrinkA": 0, "shrinkB": 4,
                        "relpos": (0.0, 0.5)},
        )  # fmt: skip


def _spread(wanted: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Places (n,) from 0 to 1 near those wanted, in the same order and at least `gap` apart where so many fit."""
    order = np.argsort(wanted, kind="stable")
    placed = np.clip(wanted[order], 0.0, 1.0)
    for i in range(1, placed.size):
        placed[i] = max(placed[i], placed[i - 1] + gap)
    if placed.size and placed[-1] > 1.0:
        placed[-1] = 1.0
        for i in range(placed.size - 2, -1, -1):
            placed[i] = min(placed[i], placed[i + 1] - gap)
    result = np.empty_like(placed)
    result[order] = placed
    return result


def time_unit(values: NDArray[np.float64]) -> tuple[float, str]:
    """For an axis that shows all of `values` (ns): what to divide by, and the unit; that of their middle."""
    seen = values[np.isfinite(values) & (values > 0.0)]
    return figures.axis_unit("ns", float(np.sqrt(seen.min() * seen.max())) if seen.size else 1.0)


def _settings(salt: str) -> Any:  # Any: newer matplotlib types every key, older ones any string
    return {
        "font.family": families(),
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
        "axes.unicode_minus": False,
        "grid.color": INK,
        "grid.alpha": 0.15,
        "grid.linewidth": 0.5,
        "xtick.color": INK,
        "ytick.color": INK,
        "legend.frameon": False,
        "hatch.linewidth": 0.5,
        "svg.fonttype": "none",  # text stays text: it can be searched, read aloud and copied
        "svg.hashsalt": salt or "bench",
    }
