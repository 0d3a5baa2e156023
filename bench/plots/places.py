"""Plots of ranks that admit doubt: from which place to which each row may stand, and which pairs are told apart.

As in all plots, the objects hold their numbers first and then draw into given axes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final  # Any: keywords of matplotlib

from bench.plots.drawing import beside_rows, name_rows
from bench.plots.fonts import identifier
from bench.plots.palette import ACCENT, INK, PAPER, SERIES, Palette
from bench.records.listing import Listing, Row, Table
from bench.text import figures, name, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ROWS: Final = 40
"""More rows than these are not drawn: the first of them are."""
_BETTER: Final[dict[str, Any]] = {"marker": "^", "color": SERIES}
_WORSE: Final[dict[str, Any]] = {"marker": "v", "color": ACCENT, "markerfacecolor": PAPER}
_SMALL: Final[dict[str, Any]] = {"marker": ".", "color": INK}


@dataclass(frozen=True, slots=True)
class Range:
    """A row of a list: place and last place, the places under other weights, and its composite with the interval."""

    number: int
    name: str
    place: int
    last: int
    tried: tuple[int, int] | None
    score: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Places:
    """The ranked rows of one table, best first, and the pairs (better, worse) by number that differ.

    A pair is True where the gap counts, False where it is real but under what the policy takes for one. `total` counts
    all rows, of which the first `MOST_ROWS` are here.
    """

    table: Table
    rows: tuple[Range, ...]
    pairs: Mapping[tuple[int, int], bool]
    total: int
    digits: int

    @classmethod
    def of(cls, made: Listing, table: Table = "formal", names: Mapping[int, str] | None = None) -> Places | None:
        """None where no row of the table was ranked. `names` by the number of a row, else those of `row_names`."""
        shown = row_names(made) if names is None else names
        rows = sorted(
            (_range(row, shown[row.number]) for row in made.rows if row.table == table and row.place is not None),
            key=lambda row: (row.place, row.last, -row.score, row.number),
        )
        if not rows:
            return None
        kept = {row.number for row in rows[:MOST_ROWS]}
        pairs = {
            (pair.better, pair.worse): pair.practical
            for ranking in made.rankings
            if ranking.table == table
            for pair in ranking.pairs
            if {pair.better, pair.worse} <= kept
        }
        return cls(table, tuple(rows[:MOST_ROWS]), pairs, len(rows), made.policy.digits)

    @property
    def height(self) -> float:
        """Inches that a figure of these rows needs."""
        return 1.1 + 0.3 * len(self.rows)

    def draw(self, axes: Axes, lang: str, palette: Palette | None = None) -> Axes:
        """A bar from place to last place for each row; a thin line where other weights would put it."""
        from matplotlib.ticker import MaxNLocator

        palette = palette or Palette.of(row.name for row in self.rows)
        for y, row in enumerate(self.rows):
            look = palette[row.name]
            fill = PAPER if look.hollow else look.colour
            width, left = row.last - row.place + 0.7, row.place - 0.35
            # Hatches are drawn in the edge's colour: on a full bar they would not be seen.
            axes.barh(y, width, left=left, height=0.5, facecolor=fill, alpha=0.35)
            axes.barh(y, width, left=left, height=0.5, facecolor="none", edgecolor=look.colour, hatch=look.hatch)
            if row.tried is not None and row.tried != (row.place, row.place):
                axes.plot(row.tried, [y, y], color=INK, linewidth=1.0, marker="|", markersize=7)
        name_rows(axes, [row.name for row in self.rows])
        beside_rows(axes, [self._text(row) for row in self.rows])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlim(0.4, max(max(row.last, *(row.tried or (1,))) for row in self.rows) + 0.6)
        axes.set_xlabel(sentence(lang, "plot.place"))
        axes.set_title(self._title(lang))
        return axes

    def draw_pairs(self, axes: Axes, lang: str) -> Axes:
        """A cell for each pair: is the system of the row better or worse than that of the column, or not told apart."""
        count = len(self.rows)
        for y, row in enumerate(self.rows):
            for x, column in enumerate(self.rows):
                self._draw_cell(axes, x, y, row.number, column.number)
        axes.set_xlim(-0.5, count - 0.5)
        name_rows(axes, [row.name for row in self.rows])
        axes.set_xticks(range(count), [str(row.number) for row in self.rows])
        axes.xaxis.tick_top()
        axes.tick_params(length=0)
        axes.grid(visible=False)
        axes.set_xlabel(sentence(lang, "plot.untold"))
        told = [
            (key, sentence(lang, f"plot_pair.{key}"), look)
            for key, look in (("better", _BETTER), ("worse", _WORSE), ("small", _SMALL))
        ]
        for _, label, look in told:
            axes.plot([], [], linestyle="", markersize=6, label=label, **look)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize=8, borderaxespad=0.0)
        axes.set_title(self._title(lang))
        return axes

    def _draw_cell(self, axes: Axes, x: int, y: int, row: int, column: int) -> None:
        if x == y:
            axes.plot([x], [y], marker="_", color=INK, markersize=4)
            return
        better, worse = self.pairs.get((row, column)), self.pairs.get((column, row))
        if better is None and worse is None:
            return
        practical = better or worse
        look = _SMALL if not practical else _BETTER if better is not None else _WORSE
        axes.plot([x], [y], linestyle="", markersize=min(7.0, 160.0 / len(self.rows)), **look)

    def _text(self, row: Range) -> str:
        score, low, high = (figures.significant(value, self.digits) for value in (row.score, row.low, row.high))
        places = str(row.place) if row.place == row.last else f"{row.place}–{row.last}"
        return f"{places}   {score} [{low}, {high}]"

    def _title(self, lang: str) -> str:
        title = name(lang, "list_table", self.table)
        if self.total > len(self.rows):
            title += f"  ({sentence(lang, 'plot.first_rows', shown=len(self.rows), total=self.total)})"
        return title


def row_names(made: Listing) -> dict[int, str]:
    """What each row is called, by its number: number and system, with its engine first where several have that name."""
    often = Counter(row.system for row in made.rows)
    names = {}
    for row in made.rows:
        title = f"{row.backend}, {row.system}" if row.backend and often[row.system] > 1 else row.system
        names[row.number] = f"{row.number}  {identifier(title, 40)}"
    return names


def _range(row: Row, shown: str) -> Range:
    place = row.place
    assert place is not None
    return Range(row.number, shown, place.place, place.last, place.places, place.score, place.low, place.high)
