"""A kept record with the values of its repetitions: what is compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.judging.attempts import scored, values_of
from bench.records.record import Record, Run, Trial
from bench.records.untrusted import BadFile
from bench.records.versions import load
from bench.store.runs import RECORD, RUN, TRIAL, load_any


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A record, the run it is of (None where only the record is there), and the values of each metric by repetition."""

    origin: str
    record: Record
    run: Run | None
    values: Mapping[str, tuple[float, ...]]

    @property
    def name(self) -> str:
        """Of the measurement: `<workload>.<scenario>.<precision>`."""
        return self.record.measurement.name


def kept_records(file: Path, origin: str) -> dict[str, Kept]:
    """The records of a run's file, or the one of a record's, by the name of the measurement.

    Raises BadFile where one is broken, a repetition that the record names is missing, or nothing is there.
    """
    found = load_any(file)
    if isinstance(found, Trial):
        raise BadFile(f"{file}: one repetition; name a run or a record to compare")
    if isinstance(found, Run):
        files = [file.parent / measurement.name / RECORD for measurement in found.measurements]
        kept = [_kept(entry, found, origin) for entry in files if entry.exists()]
    else:
        run = file.parent.parent / RUN
        kept = [_kept(file, load(run, Run) if run.exists() else None, origin)]
    if not kept:
        raise BadFile(f"{file}: the run has no record yet; nothing can be compared")
    return {entry.name: entry for entry in kept}


def _kept(file: Path, run: Run | None, origin: str) -> Kept:
    record = load(file, Record)
    trials = [load(file.parent / name / TRIAL, Trial) for name in record.trials]
    return Kept(origin=origin, record=record, run=run, values=values_of(scored(record, trials)))
