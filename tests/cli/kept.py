"""Whether what lies in a results directory is sound: after a kill at any moment it must be."""

from __future__ import annotations

from pathlib import Path

from safetensors.numpy import load_file

from bench.records.job import SearchReport
from bench.records.record import Record, Run, Trial
from bench.records.tuning import Tuning
from bench.records.untrusted import read_json
from bench.records.versions import load
from bench.store.journal import JOURNAL, lines_of, whole
from bench.store.timeline_file import read_timeline

from .things import contents

KINDS: dict[str, type[Run] | type[Record] | type[Trial]] = {"run.json": Run, "record.json": Record, "trial.json": Trial}
# Raw columns and logs of a repetition have no form that could be broken; a dot marks what was not finished.
_FORMLESS = (".bin", ".log")


def check_every_file(results: Path) -> None:
    """Every file that is kept decodes; anything unknown fails."""
    for file in sorted(results.rglob("*")):
        raw = file.suffix in _FORMLESS or file.parent.name == "columns"
        if file.is_dir() or file.name.startswith(".") or raw:
            continue
        if file.name in KINDS:
            load(file, KINDS[file.name])
        elif file.name == "search.json":
            read_json(file, SearchReport)
        elif file.name == "tuning.json":
            read_json(file, Tuning)
        elif file.name == JOURNAL:
            lines_of(whole(file.read_bytes()), str(file))
        elif file.suffix == ".parquet":
            read_timeline(file)
        elif file.suffix == ".safetensors":
            load_file(file)
        else:
            assert file.name in ("job.json", "report.json"), file


def whole_trials(results: Path) -> dict[str, tuple[int, bytes]]:
    """Times of change and bytes of all that belongs to trials which are marked as whole."""
    folders = [mark.parent for mark in results.rglob("trial.json")]
    return {f"{folder}/{name}": entry for folder in folders for name, entry in contents(folder).items()}


def kept_bytes(before: dict[str, tuple[int, bytes]]) -> dict[str, tuple[int, bytes]]:
    """The same files as they are now."""
    return {name: (Path(name).stat().st_mtime_ns, Path(name).read_bytes()) for name in before}


def run_of(folder: Path) -> Run:
    return load(folder / "run.json", Run)


def records_of(folder: Path) -> list[Record]:
    return [load(folder / entry.name / "record.json", Record) for entry in run_of(folder).measurements]
