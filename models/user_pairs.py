"""A list of people, one in each line: the picture of a document and a live picture, whom they show if several do.

CSV, or with tabs where the file is called so, with a head line: `document`, `live` and, where somebody comes twice,
`person`. Paths are taken from the list's own folder. Everybody is held against everybody else.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.user_files import BadModel, bounded_lines

_DOCUMENT, _LIVE, _PERSON = "document", "live", "person"


def read_pairs(file: Path) -> tuple[list[Path], NDArray[np.int64]]:
    """The files, documents at even places and live pictures behind each, and labels (n, 2): identity and side.

    Raises BadModel, with the line, for what is no such list.
    """
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise BadModel(f"{file}: {what}; `--data` with `--task verify` needs a list of pairs (CSV: document,live).")
    files: list[Path] = []
    people: list[int] = []
    known: dict[str, int] = {}
    for number, row in _rows(file):
        for side in (_DOCUMENT, _LIVE):
            files.append(_file(file, number, side, row))
        # Who has no name is somebody of their own.
        person = row.get(_PERSON) or f"\0{number}"
        people.append(known.setdefault(person, len(known)))
    if len(known) < 2:
        raise BadModel(f"{file}: {len(known)} people; to tell people apart takes two at least.")
    labels = np.stack([np.repeat(people, 2), np.tile([0, 1], len(people))], axis=1).astype(np.int64)
    return files, labels


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Number of each line and its fields by the head line's names."""
    delimiter = "\t" if file.suffix.lower() in (".tsv", ".tab") else ","
    try:
        with file.open(encoding="utf-8-sig", newline="") as opened:
            names: list[str] | None = None
            for number, line in enumerate(bounded_lines(file, opened, "characters"), start=1):
                # One line is one record: a quote that is never closed must not swallow the rest of the list.
                cells = next(csv.reader([line], delimiter=delimiter, strict=True), [])
                if names is None:
                    names = _head(file, cells)
                elif cells:
                    if len(cells) != len(names):
                        raise BadModel(f"{file}, line {number}: {len(cells)} fields; the head line names {len(names)}.")
                    yield number, dict(zip(names, (cell.strip() for cell in cells), strict=True))
            if names is None:
                raise BadModel(f"{file}: it is empty; its first line is `document,live`.")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadModel(f"{file}: cannot be read as a list of pairs: {error}.") from None


def _head(file: Path, cells: list[str]) -> list[str]:
    names = [cell.strip().lower() for cell in cells]
    missing = [name for name in (_DOCUMENT, _LIVE) if name not in names]
    if missing or len(set(names)) < len(names):
        raise BadModel(
            f"{file}, line 1: the head line is {', '.join(map(repr, names))}; it needs `document` and `live`, and may "
            "have `person`, each once."
        )
    return names


def _file(listed: Path, number: int, side: str, row: dict[str, str]) -> Path:
    given = row[side]
    found = listed.parent / given
    if not given or not found.is_file():
        raise BadModel(f"{listed}, line {number}: {side} {given!r} is no file in {listed.parent}.")
    return found
