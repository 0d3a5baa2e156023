"""Folders of runs: `runs/<run_id>/run.json` ⊃ `<workload>.<scenario>.<precision>/record.json` ⊃ `trial-NN/`.

Every RECORD argument takes any of these levels, a folder or the file in it.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import secrets
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from bench.plugins import suggestion
from bench.records.job import SearchReport
from bench.records.record import Record, Run, Trial
from bench.records.tuning import Tuning
from bench.records.untrusted import BadFile, read_json
from bench.records.versions import load
from bench.store.files import locked, write_record

RUN, RECORD, TRIAL, SEARCH, REPORT = "run.json", "record.json", "trial.json", "search.json", "report.json"
TUNING = "tuning.json"
# Of a repetition in mode `mlperf`: the logs of LoadGen's accuracy test.
ACCURACY = "accuracy"
RUNS = "runs"  # under a results directory
_SEARCHING, _CANDIDATES, _LOG = "searching", "candidates", "child.log"
# What only the repetition itself needs; gone once the trial is kept.
_SCRATCH = ("columns", "stressed", "job.json", f"{ACCURACY}/job.json", f"{ACCURACY}/child.log", REPORT)


class NoSuchRecord(ValueError):
    """A RECORD argument that names nothing kept."""


def new_run_id(now: datetime.datetime) -> str:
    """Sorts by time; the random end keeps two runs of one second apart."""
    return f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


class InUse(ValueError):
    """Another process works on the run."""


class RunFolder:
    """One run's folder; every write is atomic."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @staticmethod
    def of(results: Path, run_id: str) -> RunFolder:
        return RunFolder(results / RUNS / run_id)

    @property
    def results(self) -> Path:
        """The results directory that the run lies in; the folder around it where it was moved elsewhere."""
        return self.path.parent.parent if self.path.parent.name == RUNS else self.path.parent

    def keep_run(self, run: Run) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        write_record(self.path / RUN, run)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from working on this run; the system lets go of it however this one ends.

        Raises InUse.
        """
        handle = os.open(self.path, os.O_RDONLY)
        try:
            if not locked(handle):
                raise InUse(f"{self.path}: another process works on this run; wait for it or stop it.")
            yield
        finally:
            os.close(handle)

    def load_run(self) -> Run:
        return load(self.path / RUN, Run)

    @property
    def trace_file(self) -> Path:
        """Where the arrivals of the scenario `trace` are kept: the run must not depend on the user's file."""
        return self.path / "trace.npy"

    def measurement(self, name: str) -> Path:
        return self.path / name

    def trial(self, name: str, index: int) -> Path:
        return self.path / name / f"trial-{index:02d}"

    def start_trial(self, name: str, index: int) -> Path:
        """An empty folder for a trial; what a killed attempt left there is removed."""
        return _emptied(self.trial(name, index))

    def start_search(self, name: str) -> Path:
        """An empty folder for the search of a measurement; what a killed attempt left there is removed."""
        return _emptied(self.measurement(name) / _SEARCHING)

    def keep_search(self, name: str) -> None:
        """Keep the finished search, which its child wrote, and remove the rest of its folder."""
        folder = self.measurement(name)
        (folder / _SEARCHING / SEARCH).rename(folder / SEARCH)
        shutil.rmtree(folder / _SEARCHING)

    def load_search(self, name: str) -> SearchReport | None:
        """The finished search of a measurement, None where there is none. Raises BadFile."""
        file = self.measurement(name) / SEARCH
        return read_json(file, SearchReport) if file.exists() else None

    def start_tuning(self, name: str) -> None:
        """No candidates of a measurement yet; what a killed attempt left there is removed."""
        shutil.rmtree(self.measurement(name) / _CANDIDATES, ignore_errors=True)

    def start_candidate(self, name: str, number: int) -> Path:
        """An empty folder for a trial of a candidate."""
        return _emptied(self.measurement(name) / _CANDIDATES / f"candidate-{number:02d}")

    def keep_tuning(self, name: str, tuning: Tuning) -> None:
        """Write `tuning.json`, the mark that the tuning is whole; of its trials only the logs of failed ones stay."""
        write_record(self.measurement(name) / TUNING, tuning)
        for number, candidate in enumerate(tuning.candidates):
            folder = self.measurement(name) / _CANDIDATES / f"candidate-{number:02d}"
            log = (folder / _LOG).read_bytes() if candidate.failure is not None and (folder / _LOG).exists() else None
            shutil.rmtree(folder, ignore_errors=True)
            if log:
                folder.mkdir()
                (folder / _LOG).write_bytes(log)
        with contextlib.suppress(OSError):
            (self.measurement(name) / _CANDIDATES).rmdir()  # it stays where logs do

    def load_tuning(self, name: str) -> Tuning | None:
        """The finished tuning of a measurement, None where there is none. Raises BadFile."""
        file = self.measurement(name) / TUNING
        return read_json(file, Tuning) if file.exists() else None

    def keep_trial(self, name: str, trial: Trial) -> None:
        """Write `trial.json`, the mark that the trial is whole, and remove what is no longer needed."""
        folder = self.trial(name, trial.index)
        quality = folder / "quality"
        if quality.exists():
            target = self.measurement(name) / "quality"
            shutil.rmtree(target, ignore_errors=True)
            quality.rename(target)
        write_record(folder / TRIAL, trial)
        for scratch in _SCRATCH:
            path = folder / scratch
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        log = folder / _LOG
        if trial.status == "complete" and log.exists() and log.stat().st_size == 0:
            log.unlink()  # that of a failed one is named in its failure

    def load_trials(self, name: str) -> list[Trial]:
        """The whole trials of a measurement, in order; a trial without its mark was interrupted and is left out."""
        return [load(path, Trial) for path in sorted(self.measurement(name).glob(f"trial-*/{TRIAL}"))]

    def load_all_trials(self) -> dict[str, list[Trial]]:
        """The whole trials of every measurement of the plan, by its name."""
        return {entry.name: self.load_trials(entry.name) for entry in self.load_run().measurements}

    def keep_record(self, record: Record) -> None:
        write_record(self.measurement(record.measurement.name) / RECORD, record)

    def load_records(self, run: Run | None = None, without: Collection[str] = ()) -> list[Record]:
        """The records kept so far, in the order of the plan; `run` spares its reading."""
        run = self.load_run() if run is None else run
        files = [self.measurement(entry.name) / RECORD for entry in run.measurements]
        return [load(file, Record, without) for file in files if file.exists()]


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def runs_in(results: Path) -> Iterator[RunFolder]:
    """All runs under a results directory, newest first."""
    for file in sorted((results / RUNS).glob(f"*/{RUN}"), reverse=True):
        yield RunFolder(file.parent)


def find_record(argument: str, results: Path) -> Path:
    """The file that a RECORD argument names: a path, a run id, `latest`, or `RUN/MEASUREMENT[/TRIAL]` in `results`.

    Raises NoSuchRecord.
    """
    known = [folder.path.name for folder in runs_in(results)]
    if argument.split("/")[0] == "latest":
        if not known:
            raise NoSuchRecord(f"{results}: no run is kept there yet; `bench run` makes one.")
        argument = known[0] + argument.removeprefix("latest")
    for base in (Path(argument), results / RUNS / argument):
        if base.is_file():
            return base
        for name in (RUN, RECORD, TRIAL):
            if (base / name).is_file():
                return base / name
    raise NoSuchRecord(f"There is no record {argument!r} here or in {results}.{suggestion(argument, known[:5])}")


def load_any(file: Path) -> Run | Record | Trial:
    """A kept file by its name. Raises BadFile."""
    for name, kind in ((RUN, Run), (RECORD, Record), (TRIAL, Trial)):
        if file.name == name:
            return load(file, kind)  # type: ignore[return-value, type-var]
    raise BadFile(f"{file}: not a record; expected {RUN}, {RECORD} or {TRIAL}")
