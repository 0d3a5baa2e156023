"""Choosing and removing old runs."""

from __future__ import annotations

import datetime
import shutil
from pathlib import Path

from bench.records.record import Run
from bench.records.untrusted import BadFile
from bench.store.runs import RUN, RunFolder, runs_in


def choose(results: Path, keep: int | None, days: float | None, partial: bool) -> list[RunFolder]:
    """Runs that every given criterion allows to go, newest first; an unreadable run counts as partial and old."""
    candidates = list(runs_in(results))[keep or 0 :]
    limit = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=days or 0.0)
    return [folder for folder in candidates if _may_go(folder, limit if days is not None else None, partial)]


def remove(folder: RunFolder) -> None:
    """Remove a run; `run.json` goes first, so that a half-removed run is no run. Raises InUse for one going on."""
    with folder.held():
        (folder.path / RUN).unlink(missing_ok=True)
        shutil.rmtree(folder.path)


def _may_go(folder: RunFolder, limit: datetime.datetime | None, partial: bool) -> bool:
    try:
        run = folder.load_run()
    except BadFile:
        return True
    if partial and run.status != "partial":
        return False
    return limit is None or _started(run) < limit


def _started(run: Run) -> datetime.datetime:
    try:
        started = datetime.datetime.fromisoformat(run.started_at)
    except ValueError:
        return datetime.datetime.min.replace(tzinfo=datetime.UTC)  # nothing says that it is young
    return started if started.tzinfo else started.replace(tzinfo=datetime.UTC)
