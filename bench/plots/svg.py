"""A figure as SVG whose text is text: to stand inside a page, in the page's colours, or as a file of its own.

No style attribute and no style element is left in it, so that a page may forbid them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from bench.plots.fonts import WEB_FAMILIES
from bench.plots.palette import PAGE_COLOURS
from bench.text import printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ADDRESSES: Final = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_COLOUR: Final = re.compile("|".join(PAGE_COLOURS))
_SIZE: Final = re.compile(r"(?P<before>.*?)(?P<size>[\d.]+)px ")
# What matplotlib puts into a style sheet of its own, for all elements.
_ROOT: Final = 'stroke-linejoin="round" stroke-linecap="butt"'


def inline_svg(figure: Figure, title: str) -> str:
    """An element for HTML, named `title` for screen readers: without addresses, in the page's colours."""
    # Inside HTML an SVG needs no namespaces; without them the file holds no address at all.
    body = _COLOUR.sub(lambda found: PAGE_COLOURS[found[0]], _plain(figure))
    return body.replace("<svg", f"<svg {_named(title)}", 1)


def svg_file(figure: Figure, title: str) -> str:
    """A file of its own, in the colours of print."""
    return _plain(figure).replace("<svg", f"<svg {_ADDRESSES} {_named(title)}", 1) + "\n"


def _named(title: str) -> str:
    return f'role="img" aria-label="{_attribute(title)}" font-family="{WEB_FAMILIES}" {_ROOT}'


def _plain(figure: Figure) -> str:
    """What matplotlib writes, less what says nothing, with attributes in the place of styles."""
    content = io.StringIO()
    nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
    figure.savefig(content, format="svg", transparent=True, metadata=nothing)
    text = content.getvalue()
    text = re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", text, flags=re.DOTALL)
    # Hundredths of a point are enough for a path, and halve the file.
    text = re.sub(r' d="[^"]*"', lambda path: re.sub(r"\d+\.\d{3,}", _hundredths, path[0]), text)
    text = re.sub(r' style="([^"]*)"', lambda found: _attributes(_declarations(found[1])), text)
    text = re.sub(r' id="([^"]*)"', _referred_to(text), text)
    return re.sub(r' xmlns(:\w+)?="[^"]*"', "", text).rstrip()


def _referred_to(text: str) -> Callable[[re.Match[str]], str]:
    """Keeps ids that something refers to, which are salted: the others would be there again in the next picture."""
    known = set(re.findall(r'(?:url\(|href=")#([^)"]+)', text))
    return lambda found: found[0] if found[1] in known else ""


def _declarations(style: str) -> dict[str, str]:
    pairs = (part.split(":", 1) for part in style.split(";") if part.strip())
    return {key.strip(): value.strip() for key, value in pairs}


def _attributes(declared: Mapping[str, str]) -> str:
    """Declarations as attributes; of a font its size and weight, for the family stands on the whole picture."""
    found = dict(declared)
    font = _SIZE.match(found.pop("font", ""))
    if font is not None:
        found["font-size"] = font["size"]
        if "700" in font["before"] or "bold" in font["before"]:
            found["font-weight"] = "bold"
    return "".join(f' {key}="{value}"' for key, value in found.items())


def _hundredths(number: re.Match[str]) -> str:
    return f"{float(number[0]):.2f}"


def _attribute(text: str) -> str:
    return printable(text).replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")
