"""One look for each system, the same in every picture of a report: colour, marker, line and hatch.

The hues are those of Okabe and Ito (2008), darkened until each stands out from white paper (3 : 1) and no two are the
same grey; tests hold them apart for protan, deutan and tritan eyes. Markers and lines alone tell twenty systems apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final  # Any: keywords of matplotlib

# Blue and vermilion for one system and what is remarkable of it; ink is nearly black; paper shines through a mark.
SERIES: Final = "#0072b2"
ACCENT: Final = "#d55e00"
INK: Final = "#1f2328"
PAPER: Final = "#ffffff"
COLOURS: Final = (SERIES, ACCENT, "#4f0c84", "#cf749f", "#446042", "#513f07")
DARK_COLOURS: Final = ("#56b4e9", "#f28e4b", "#9968f8", "#ffdbf9", "#99bda2", "#8a7956")
"""The same on a dark page, in the same order; `bench/pages/style.css` has them."""
PAGE_COLOURS: Final[Mapping[str, str]] = MappingProxyType(
    {
        SERIES: "var(--series)",
        ACCENT: "var(--accent)",
        INK: "currentColor",
        PAPER: f"var(--page, {PAPER})",
        **{colour: f"var(--system-{place}, {colour})" for place, colour in enumerate(COLOURS[2:], start=3)},
    }
)
"""What a colour becomes on a page, which has its own for light and dark."""
_MARKERS: Final = ("o", "s", "^", "D", "v", "P", "<", "X", ">", "p")
_LINES: Final = ("-", "--", "-.", ":")
# Lines only: an SVG writes every dot of a hatch as a curve of its own.
_HATCHES: Final = ("", "////", "\\\\\\\\", "xxx", "|||", "---", "+++", "//--", "\\\\||", "/")
MOST_TOLD_APART: Final = 20


@dataclass(frozen=True, slots=True)
class Look:
    """How one system is drawn; markers of the second ten are hollow."""

    colour: str
    marker: str
    line: str
    hatch: str
    hollow: bool

    def marks(self, size: float = 4.0) -> dict[str, Any]:
        """Keywords for `Axes.plot`: colour and marker."""
        face = PAPER if self.hollow else self.colour
        return {"color": self.colour, "marker": self.marker, "markersize": size, "markerfacecolor": face}

    def lines(self, size: float = 4.0) -> dict[str, Any]:
        """Keywords for `Axes.plot`: colour, marker and line."""
        return {**self.marks(size), "linestyle": self.line, "linewidth": 1.3}


@dataclass(frozen=True, slots=True)
class Palette:
    """Looks by the name of a system. Beyond twenty of them looks repeat."""

    looks: Mapping[str, Look]

    @classmethod
    def of(cls, names: Iterable[str]) -> Palette:
        """By the names in alphabetical order, so that the order in which records were found changes no picture."""
        return cls({name: _look(place) for place, name in enumerate(sorted(set(names)))})

    def __getitem__(self, name: str) -> Look:
        """The look of a system. Raises KeyError for one that the palette was not made for."""
        return self.looks[name]


def _look(place: int) -> Look:
    # Six colours, ten markers, four lines: neighbours differ in all three, and no pair of marker and line repeats
    # before the twentieth.
    return Look(
        colour=COLOURS[place % len(COLOURS)],
        marker=_MARKERS[place % len(_MARKERS)],
        line=_LINES[place % len(_LINES)],
        hatch=_HATCHES[place % len(_HATCHES)],
        hollow=place % MOST_TOLD_APART >= len(_MARKERS),
    )
