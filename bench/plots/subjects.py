"""What a picture is asked of on the command line: kept runs and records with their repetitions, or a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.records.listing import Listing
from bench.records.record import Record, Run, Trial
from bench.records.untrusted import BadFile, read_json
from bench.store.runs import RunFolder, find_record, load_any

_LIST: Final = "list.json"  # as `bench procure` writes it


@dataclass(frozen=True)
class Subject:
    """Records in the order that was asked for, the repetitions of each, and the list where one was named."""

    records: tuple[Record, ...] = ()
    trials: tuple[tuple[Trial, ...], ...] = ()
    listing: Listing | None = None


def subject_of(arguments: Sequence[str], results: Path) -> Subject:
    """Of run ids, `latest`, RUN/MEASUREMENT and paths; or of the folder or file of one list.

    Raises BadFile, NoSuchRecord.
    """
    if len(arguments) == 1 and (made := _list_at(Path(arguments[0]))) is not None:
        return Subject(listing=read_json(made, Listing))
    found: list[tuple[Record, tuple[Trial, ...]]] = []
    for argument in arguments:
        found += _kept(find_record(argument, results))
    return Subject(tuple(record for record, _ in found), tuple(trials for _, trials in found))


def _list_at(path: Path) -> Path | None:
    if path.is_dir() and (path / _LIST).is_file():
        return path / _LIST
    named = path.suffix == ".json" and path.name not in ("run.json", "record.json", "trial.json")
    return path if named and path.is_file() else None


def _kept(file: Path) -> list[tuple[Record, tuple[Trial, ...]]]:
    kept = load_any(file)
    if isinstance(kept, Trial):
        raise BadFile(f"{file}: one repetition; a picture is of a measurement or of a whole run")
    inside = RunFolder(file.parent if isinstance(kept, Run) else file.parent.parent)
    records = inside.load_records() if isinstance(kept, Run) else [kept]
    return [(record, tuple(inside.load_trials(record.measurement.name))) for record in records]
