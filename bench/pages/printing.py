"""Pages for paper: HTML with page counters, and PDF made of it by WeasyPrint (extra `pdf`). Layout only.

The same page gives the same bytes: nothing is taken from the clock, and nothing is fetched.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final, Literal  # Any: WeasyPrint ships no type information

from markupsafe import Markup

from bench.pages.html import page_environment
from bench.pages.listing import ListPage, build_list
from bench.pages.paper import Paper
from bench.plots.fonts import plot_language
from bench.records.listing import Listing
from bench.store.files import write_bytes
from bench.text import sentence

LIST: Final = "list.html"
_HERE: Final = Path(__file__).parent


class NoPdf(ValueError):
    """PDF cannot be made here; one line that says what is missing and how to get it."""


def render_paper(paper: Paper) -> str:
    """A test report as HTML for screen and printer. Every text is escaped; only drawings made here are not."""
    css = paper_css(paper.lang)
    return page_environment(paper.lang).get_template("paper.html").render(paper=paper, css=css)


def render_list(page: ListPage) -> str:
    """A procurement list as HTML for screen and printer, A4 landscape."""
    return (
        page_environment(page.lang).get_template("list.html").render(page=page, css=paper_css(page.lang, "landscape"))
    )


def write_list(made: Listing, folder: Path, lang: str) -> None:
    """Write `list.html` into `folder`. Raises OSError."""
    write_bytes(folder / LIST, render_list(build_list(made, lang)).encode())


def paper_css(lang: str, way: Literal["portrait", "landscape"] = "portrait") -> Markup:
    """The style sheet of printed pages, with `page x of y` in words of `lang`."""
    number, total = "\0", "\1"
    text = sentence(lang, "test_report.page", page=number, pages=total)
    quoted = '"' + text.replace("\\", "").replace('"', "") + '"'
    counter = quoted.replace(number, '" counter(page) "').replace(total, '" counter(pages) "')
    css = (_HERE / "paper.css").read_text(encoding="utf-8")
    return Markup(css.replace("{{ counter }}", counter).replace("{{ way }}", way))


def ensure_pdf(lang: str) -> None:
    """Raises NoPdf where PDF cannot be made, before any work is done for it."""
    _weasyprint()
    if plot_language(lang) != lang:
        raise NoPdf(
            "PDF in Chinese needs a font with Chinese characters (Debian: `fonts-noto-cjk`); none is installed."
        )


def to_pdf(html: str) -> bytes:
    """HTML of this room as PDF, tagged for screen readers. Raises NoPdf."""
    engine = _weasyprint()
    document = engine.HTML(string=html, base_url=None, url_fetcher=engine.urls.URLFetcher(allowed_protocols=()))
    content = document.write_pdf(pdf_tags=True)
    assert isinstance(content, bytes)
    return content


def _weasyprint() -> Any:
    for name in ("weasyprint", "fontTools"):  # they warn of every property and font table that they do not know
        logging.getLogger(name).setLevel(logging.ERROR)
    from PIL import ImageFile

    truncated = ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        import weasyprint
    except ImportError:
        raise NoPdf(
            "PDF needs the extra `pdf`: `pip install 'inference-bench[pdf]'`. The HTML prints as well."
        ) from None
    except OSError as error:
        what = str(error).splitlines()[0][:200]
        raise NoPdf(
            f"PDF needs the library Pango (Debian: `libpango-1.0-0 libpangoft2-1.0-0`; macOS: `brew install pango`): "
            f"{what}. The HTML prints as well."
        ) from None
    finally:
        # It has Pillow take truncated pictures from then on, those of users among them, whom that must be told.
        ImageFile.LOAD_TRUNCATED_IMAGES = truncated
    return weasyprint
