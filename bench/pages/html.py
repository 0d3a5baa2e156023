"""The report of a run as one HTML file that needs nothing else, and its summary as a PNG. Layout only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from bench.pages.run import Page, build_page, summary_png
from bench.records.record import Record, Run, Trial
from bench.report.rows import SEVERITIES
from bench.store.files import write_bytes
from bench.text import printable, sentence

REPORT: Final = "report.html"
SUMMARY: Final = "summary.png"
_TEMPLATE: Final = "run.html"
_HERE: Final = Path(__file__).parent
STYLE: Final = _HERE / "style.css"
_COMMAND: Final = re.compile(r"`([^`]*)`")


def write_report(
    run: Run,
    records: list[Record],
    folder: Path,
    lang: str,
    trials: Mapping[str, Sequence[Trial]] | None = None,
) -> Path:
    """Write `report.html` and, where there are records, `summary.png` into `folder`; returns the path of the former.

    `trials` are the repetitions by the name of their measurement.
    """
    target = folder / REPORT
    write_bytes(target, render(build_page(run, records, lang, trials)).encode())
    if records:
        write_bytes(folder / SUMMARY, summary_png(records, lang))
    return target


def render(page: Page) -> str:
    """The page as HTML. Every text is escaped; only drawings made here are not."""
    css = Markup(STYLE.read_text(encoding="utf-8"))
    return page_environment(page.lang).get_template(_TEMPLATE).render(page=page, css=css, severities=SEVERITIES)


def page_environment(lang: str, *folders: Path) -> Environment:
    """The templates of `folders`, then of this room, with `t` for the sentences of a language and their filters."""
    environment = Environment(
        loader=FileSystemLoader([*folders, _HERE]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commands"] = _commands
    environment.filters["drawing"] = Markup
    environment.filters["breakable"] = _breakable
    environment.globals["t"] = partial(sentence, lang)
    return environment


def _shown(value: object) -> object:
    """What a template puts out: text of a stranger neither turns the direction of writing nor hides."""
    return printable(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _commands(text: str) -> Markup:
    """`text` with what stands between backticks as code."""
    return Markup(_COMMAND.sub(r"<code>\1</code>", str(escape(text))))


def _breakable(name: str) -> Markup:
    """An identifier that may go on in a new line after each underscore."""
    return Markup("_<wbr>").join(escape(part) for part in name.split("_"))
