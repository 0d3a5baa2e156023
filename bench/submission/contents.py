"""Which files of a run are handed in, what is missing of them, and what keeps the run from being admitted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bench.records.findings import error_codes
from bench.records.record import Record, Run, Trial
from bench.records.submission import Obstacle
from bench.records.untrusted import BadFile
from bench.store.runs import RECORD, RUN, SEARCH, TRIAL, TUNING, RunFolder
from bench.store.timeline_file import TIMELINE

OUTPUTS, LOG = "outputs.safetensors", "child.log"
TRACE, ENVIRONMENT, MANIFEST = "trace.npy", "environment.json", "manifest.json"
QUALITY, LOADGEN = "quality", "loadgen"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*")
_OF_MEASUREMENT = (RECORD, SEARCH, TUNING, f"{QUALITY}/{OUTPUTS}")
_OF_TRIAL = (TRIAL, TIMELINE, OUTPUTS, LOG)


class Contents:
    """A run as it lies in a folder: its records, and the files that belong to it. Raises BadFile when one is broken.

    `figures_only`: sketches are not read, nor repetitions where every record holds what they came to.
    """

    def __init__(self, folder: RunFolder, figures_only: bool = False) -> None:
        self.folder, self.run = folder, folder.load_run()
        for measurement in self.run.measurements:
            if not _NAME.fullmatch(measurement.name):  # it becomes a path
                raise BadFile(f"{RUN}: {measurement.name[:80]!r} is no name of a measurement")
        records = folder.load_records(self.run, ("sketch",) if figures_only else ())
        self.records: dict[str, Record] = {record.measurement.name: record for record in records}
        spared = figures_only and all(record.repetitions for record in records)
        self.trials: dict[str, list[Trial]] = {
            measurement.name: [] if spared else folder.load_trials(measurement.name)
            for measurement in self.run.measurements
        }

    def files(self) -> Iterator[str]:
        """Names of the files that are handed in, relative to the run; anything else in the folder stays there."""
        yield from (name for name in (RUN, TRACE) if (self.folder.path / name).is_file())
        for measurement in self.run.measurements:
            place = self.folder.measurement(measurement.name)
            yield from self._there(place, _OF_MEASUREMENT)
            for trial in self.trials[measurement.name]:
                own = self.folder.trial(measurement.name, trial.index)
                yield from self._there(own, _OF_TRIAL)
                yield from (self._name(file) for file in sorted((own / LOADGEN).glob("*")) if file.is_file())

    def missing(self) -> Iterator[Obstacle]:
        """What a verification would need and does not find."""
        if "trace" in {entry.scenario for entry in self.run.measurements} and not self.folder.trace_file.is_file():
            yield Obstacle(code="no-trace", subject=TRACE)
        for measurement in self.run.measurements:
            record = self.records.get(measurement.name)
            if record is None:
                yield Obstacle(code="no-record", subject=measurement.name)
                continue
            yield from self._missing_of(record)

    def _missing_of(self, record: Record) -> Iterator[Obstacle]:
        name, trials = record.measurement.name, self.trials[record.measurement.name]
        kept = {f"trial-{trial.index:02d}" for trial in trials}
        yield from (
            Obstacle(code="no-trial", subject=f"{name}/{trial}") for trial in record.trials if trial not in kept
        )
        if not trials:
            yield Obstacle(code="no-repetition", subject=name)
        for trial in trials:
            for file in _needed(trial):
                if not (self.folder.trial(name, trial.index) / file).is_file():
                    yield Obstacle(code="no-file", subject=f"{name}/trial-{trial.index:02d}/{file}")
        answered = record.quality is not None and record.quality.samples > 0
        if answered and not (self.folder.measurement(name) / QUALITY / OUTPUTS).is_file():
            yield Obstacle(code="no-file", subject=f"{name}/{QUALITY}/{OUTPUTS}")
        if record.search is not None and not (self.folder.measurement(name) / SEARCH).is_file():
            yield Obstacle(code="no-file", subject=f"{name}/{SEARCH}")

    def _there(self, place: Path, names: tuple[str, ...]) -> Iterator[str]:
        return (self._name(place / name) for name in names if (place / name).is_file())

    def _name(self, file: Path) -> str:
        return file.relative_to(self.folder.path).as_posix()


def obstacles(run: Run, records: dict[str, Record]) -> Iterator[Obstacle]:
    """What keeps a run from being admitted as a result, though it may be exchanged."""
    if run.plan.mode != "certified":
        yield Obstacle(code="mode", subject=run.run_id, seen=run.plan.mode)
    if run.status != "complete":
        yield Obstacle(code="partial", subject=run.run_id)
    if run.nonce is not None and run.nonce.origin == "drawn":
        yield Obstacle(code="nonce-drawn", subject=run.run_id)
    if run.plan.driver != "bench":
        yield Obstacle(code="driver", subject=run.run_id, seen=run.plan.driver)
    for name, record in records.items():
        errors = error_codes(record.findings)
        if errors:
            yield Obstacle(code="invalid", subject=name, seen=", ".join(errors))
        if record.status != "complete":
            yield Obstacle(code="partial", subject=name)
        if record.origin != "measured":
            yield Obstacle(code="origin", subject=name, seen=record.origin)
        if record.quality is None or record.quality.passed is None:
            yield Obstacle(code="quality-not-verified", subject=name)


def _needed(trial: Trial) -> Iterator[str]:
    if trial.status != "complete":
        return
    yield TIMELINE
    if trial.report is not None and trial.report.verification.samples > 0:
        yield OUTPUTS
