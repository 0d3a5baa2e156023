"""The site as files: pages in both languages that hold their own style and script and allow no other, and downloads."""

from __future__ import annotations

import base64
import hashlib
import multiprocessing
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple  # Any: values of templates

import msgspec
from jinja2 import Environment
from markupsafe import Markup

from bench import __version__
from bench.comparing.margins import Margins
from bench.comparing.systems import Held, held_against_each_other
from bench.hardware.container import usable_cores
from bench.pages.html import STYLE, page_environment
from bench.pages.site import CannotMake, downloads
from bench.pages.site.building import INDEX, NAVIGATION, Site, sheets, site
from bench.pages.site.environment import environment
from bench.pages.site.gathering import System
from bench.records.untrusted import BadFile, read_json
from bench.report.rows import SEVERITIES
from bench.store.files import write_bytes
from bench.text import LANGUAGES

LIST: Final = "site.json"
_HERE: Final = Path(__file__).parent
_LONGEST: Final = 400
# Records from which on a second process pays for its start.
_WORTH_A_PROCESS: Final = 60
_BESIDE: Final = "en"
# In JSON inside HTML: what could end the element, and what older scripts take for the end of a line.
_ESCAPED: Final = {ord(letter): f"\\u{ord(letter):04x}" for letter in "<>&\u2028\u2029"}


class Files(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a site, so that those of an older one can be taken away."""

    files: tuple[str, ...]


def write_site(systems: Sequence[System], folder: Path, lang: str) -> Path:
    """Write the site of these systems into `folder`; returns its first page, which is in `lang`.

    The other language lies in a folder of its own. An older site there is replaced, other files stay; raises CannotMake
    where there are others only.
    """
    before = _files_before(folder)
    pairs = held_against_each_other([system.kept for system in systems], Margins())
    data = {
        downloads.RESULTS: downloads.results_csv(systems),
        downloads.RECORDS: downloads.records_json(systems),
        downloads.COMPARISON: downloads.comparison_csv(pairs),
        downloads.ENVIRONMENT: downloads.environment_csv(systems, environment(systems, lang)),
    }
    written = [f"data/{name}" for name in data]
    for name, content in data.items():
        write_bytes(folder / "data" / name, content)
    written += _write_languages(_Asked(tuple(systems), pairs, folder, lang))
    for old in sorted(set(before) - set(written)):
        (folder / old).unlink(missing_ok=True)
        if (folder / old).parent != folder and not any((folder / old).parent.iterdir()):
            (folder / old).parent.rmdir()
    write_bytes(folder / LIST, msgspec.json.encode(Files(files=tuple(written))))
    return folder / INDEX


class _Asked(NamedTuple):
    """Systems and how they stand to each other, where the site goes, and the language that lies at the top."""

    systems: tuple[System, ...]
    pairs: Sequence[Sequence[tuple[Held, ...]]]
    folder: Path
    first: str


def _write_languages(asked: _Asked) -> list[str]:
    """All pages; returns their names. A large site's English half is written by a process of its own, beside this one.

    English, as it needs no font that may be missing: this process has what the reader of a warning sees.
    """
    others = [lang for lang in LANGUAGES if lang != _BESIDE]
    if sum(len(system.kept) for system in asked.systems) < _WORTH_A_PROCESS or usable_cores() < 2:
        return [file for lang in LANGUAGES for file in _write_language(asked, lang)]
    with multiprocessing.get_context("spawn").Pool(1) as helper:  # which ends with this block, however that ends
        beside = helper.apply_async(_write_language, (asked, _BESIDE))
        return [file for lang in others for file in _write_language(asked, lang)] + beside.get()


def _write_language(asked: _Asked, lang: str) -> list[str]:
    place = PurePosixPath() if lang == asked.first else PurePosixPath(lang)
    written = []
    for file, text in _rendered(site(asked.systems, asked.pairs, lang), asked.first):
        write_bytes(asked.folder / place / file, text.encode(errors="replace"))
        written.append(str(place / file))
    return written


def _files_before(folder: Path) -> list[str]:
    """The files of the site that is in `folder`, none where it is empty."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return []
    try:
        found = read_json(folder / LIST, Files).files
    except BadFile:
        raise CannotMake(f"{folder} holds other files, and no report; name a new or empty folder with `--to`") from None
    # Only what a site can have written, wherever the list is from.
    paths = [PurePosixPath(name) for name in found]
    return [str(path) for path in paths if not path.is_absolute() and ".." not in path.parts and len(path.parts) <= 2]


def _rendered(one: Site, first: str) -> Iterator[tuple[str, str]]:
    """The pages of one language as HTML; `first` is the language that lies at the top."""
    environment, shared = _environment(one.lang), _shared(one, first)
    for sheet in sheets(one):
        yield sheet.file, environment.get_template(sheet.template).render(sheet=sheet, **shared, **sheet.content)


def _shared(one: Site, first: str) -> dict[str, Any]:
    """What every page takes."""
    other = next(lang for lang in LANGUAGES if lang != one.lang)
    css = STYLE.read_text(encoding="utf-8") + (_HERE / "site.css").read_text(encoding="utf-8")
    script = (_HERE / "site.js").read_text(encoding="utf-8")
    return {
        "site": one,
        "navigation": NAVIGATION,
        "severities": SEVERITIES,
        "other_lang": other,
        "other_place": f"{other}/" if one.lang == first else "../",
        "data_place": "data/" if one.lang == first else "../data/",
        "css": Markup(css),
        "script": Markup(script),
        "policy": _policy(css, script),
        "version": __version__,
    }


def _policy(css: str, script: str) -> str:
    """Nothing is loaded, sent or run but the style and the script that stand in the page, known by their hashes."""
    style, code = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (css, script))
    return (
        f"default-src 'none'; style-src 'sha256-{style}'; script-src 'sha256-{code}'; base-uri 'none'; "
        "form-action 'none'"
    )


def _environment(lang: str) -> Environment:
    environment = page_environment(lang, _HERE)
    environment.finalize = _clipped
    commands = environment.filters["commands"]
    environment.filters["commands"] = lambda text: commands(_clipped(text))
    environment.filters["json"] = _json
    return environment


def _clipped(value: Any) -> Any:
    """No text of a record is longer on a page than a reader would read; the files beside it have all of it."""
    if isinstance(value, str) and not isinstance(value, Markup) and len(value) > _LONGEST:
        return f"{value[: _LONGEST - 1]}…"
    return value


def _json(value: Any) -> Markup:
    """Data for the script, which nothing in it can leave."""
    return Markup(msgspec.json.encode(value).decode().translate(_ESCAPED))
