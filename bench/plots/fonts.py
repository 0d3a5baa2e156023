"""Which characters can be drawn: the font that we bring, and a Chinese one where the machine has it."""

from __future__ import annotations

import logging
import os
import unicodedata
from functools import cache
from itertools import accumulate, takewhile
from pathlib import Path
from typing import Final

from bench.store.places import CACHE_PARTS, cache_directory

LATIN: Final = "DejaVu Sans"  # comes with matplotlib
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
# What a browser takes in the place of ours: Verdana is as wide as DejaVu Sans, so that nothing runs out of its room.
WEB_FAMILIES: Final = (
    "'DejaVu Sans', Verdana, 'Noto Sans', 'Noto Sans CJK SC', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', "
    "sans-serif"
)
_MATPLOTLIBS_PLACE: Final = "MPLCONFIGDIR"
# Written from left to right, one glyph a character; letters, numbers, marks of punctuation, symbols.
_DIRECTIONS: Final = frozenset({"L", "EN", "ES", "ET", "CS", "ON"})
_LOG: Final = logging.getLogger(__name__)


def plot_language(lang: str) -> str:
    """The language that plots can be labelled in: `lang`, or English where no installed font has its characters."""
    if lang != "zh" or chinese_font() is not None:
        return lang
    _say_that_no_font_is_there()
    return "en"


def families() -> list[str]:
    """The fonts to draw with, in order; the Chinese one in English pictures, too, for names of products."""
    chinese = chinese_font()
    return [LATIN, *([chinese] if chinese else [])]


def identifier(text: str, most: int = 60) -> str:
    """A name from a record as our fonts can draw it, at most `most` characters wide (a Chinese one is two).

    What no font has, what is not written from left to right and what is no character of its own becomes "?".
    """
    drawn = "".join(character if _is_drawable(character) else "?" for character in text[: 4 * most])
    if _width(drawn) <= most and len(text) <= 4 * most:
        return drawn
    widths = accumulate(_width(character) for character in drawn)  # a step for each: names may be long, and many
    fitting = sum(1 for _ in takewhile(lambda width: width <= most - 3, widths))
    return f"{drawn[:fitting]}..."


def load_matplotlib() -> None:
    """Import matplotlib with its list of fonts in our cache, not in the home; the environment stays as it is."""
    _load_once()


@cache
def chinese_font() -> str | None:
    """The name of an installed font with Chinese characters, as matplotlib knows it; None without one."""
    load_matplotlib()
    from matplotlib.font_manager import findSystemFonts, fontManager

    font = _listed_font()
    if font is None:  # matplotlib keeps its list of fonts for ever; one installed since is not in it
        for path in findSystemFonts():
            if any(mark in Path(path).name.lower() for mark in _CHINESE_FILES):
                fontManager.addfont(path)
        font = _listed_font()
    return font


@cache
def _say_that_no_font_is_there() -> None:
    _LOG.warning("No font with Chinese characters is installed: plots are labelled in English (`fonts-noto-cjk`).")


@cache
def _load_once() -> None:
    if _MATPLOTLIBS_PLACE in os.environ:
        return
    os.environ[_MATPLOTLIBS_PLACE] = str(cache_directory() / CACHE_PARTS[0] / "matplotlib")
    try:
        import matplotlib.font_manager  # noqa: F401 - reads the variable, once and for all
    finally:
        del os.environ[_MATPLOTLIBS_PLACE]


def _listed_font() -> str | None:
    from matplotlib.font_manager import fontManager

    listed = {entry.name for entry in fontManager.ttflist}
    return next((font for font in _CHINESE_FONTS if font in listed), None)


def _is_drawable(character: str) -> bool:
    if " " <= character <= "~":
        return True
    kind = unicodedata.category(character)[0]
    if kind not in "LNPS" or unicodedata.bidirectional(character) not in _DIRECTIONS:
        return False
    return any(ord(character) in _glyphs(family) for family in families())


@cache
def _glyphs(family: str) -> frozenset[int]:
    load_matplotlib()
    from matplotlib.font_manager import findfont
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(findfont(family)).get_charmap())


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
