"""A speech manifest: one JSON object in each line, `path` of a sound file and the `text` that is said in it.

Paths are taken from the manifest's own folder. A text is cut into the tokens that the network writes, longest first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.models.user_files import BadModel, bounded_lines, first_line
from bench.records.untrusted import BadFile, parse_json


class Spoken(msgspec.Struct, frozen=True, kw_only=True):
    """One line; what else it says (duration, speaker) is nobody's business here."""

    path: str
    text: str


def read_manifest(file: Path, tokens: Sequence[str], rate: int, samples: int) -> tuple[list[Path], NDArray[np.int64]]:
    """The sound files and labels (n, most): numbers of the tokens said, -1 behind them.

    Files must have `rate` samples per second and no more than `samples`, for a text must not be cut. Raises BadModel,
    with the line, for what is no such manifest.
    """
    if not file.is_file():
        what = "is a folder" if file.is_dir() else "does not exist"
        raise BadModel(f"{file}: {what}; `--data` with `--task recognise` needs a manifest (JSON lines: path, text).")
    known = {token: number for number, token in enumerate(tokens) if token}
    longest = max(map(len, known), default=0)
    files, said = [], []
    for number, spoken in _lines(file):
        files.append(_sound(file, number, spoken.path, rate, samples))
        said.append(_cut(file, number, spoken.text, known, longest))
    if not files:
        raise BadModel(f"{file}: it names no sound.")
    labels = np.full((len(said), max(map(len, said))), -1, np.int64)
    for row, ids in zip(labels, said, strict=True):
        row[: len(ids)] = ids
    return files, labels


def _lines(file: Path) -> Iterator[tuple[int, Spoken]]:
    try:
        with file.open("rb") as opened:
            for number, line in enumerate(bounded_lines(file, opened, "bytes"), start=1):
                if line.strip():
                    yield number, parse_json(line, Spoken, f"{file}, line {number}")
    except BadFile as error:
        raise BadModel(str(error)) from None
    except OSError as error:
        raise BadModel(f"{file}: cannot be read: {error.strerror}.") from None


def _sound(manifest: Path, number: int, name: str, rate: int, samples: int) -> Path:
    import soundfile

    where = f"{manifest}, line {number}: {name!r}"
    found = manifest.parent / name
    if not name or "\0" in name or not found.is_file():
        raise BadModel(f"{where} is no file in {manifest.parent}.")
    try:
        about = soundfile.info(found)
    except Exception as error:  # noqa: BLE001 - soundfile's errors share no base with ours, and mean one thing
        raise BadModel(f"{where} is no sound that can be read: {first_line(error)}.") from None
    if about.samplerate != rate:
        raise BadModel(f"{where} has {about.samplerate} samples per second, and `sample_rate` is {rate}; convert it.")
    if not 0 < about.frames <= samples:
        raise BadModel(f"{where} has {about.frames} samples; the network takes 1 to {samples}, and none may be cut.")
    return found


def _cut(manifest: Path, number: int, text: str, known: dict[str, int], longest: int) -> list[int]:
    """Numbers of the tokens of a text; blanks between them count only where a token begins with one."""
    ids, place = [], 0
    while place < len(text):
        token = next((text[place : place + n] for n in range(longest, 0, -1) if text[place : place + n] in known), None)
        if token is not None:
            ids.append(known[token])
        elif not text[place].isspace():
            raise BadModel(f"{manifest}, line {number}: {text[place]!r} is none of the {len(known)} `tokens`.")
        place += len(token) if token is not None else 1
    if not ids:
        raise BadModel(f"{manifest}, line {number}: it says nothing.")
    return ids
