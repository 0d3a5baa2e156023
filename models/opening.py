"""Opening a workload by what a plan says: one of the installed ones by name, or the user's own model."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from bench.models.base import Workload
from bench.models.end_to_end import EndToEnd
from bench.models.suite import load_workload
from bench.models.unlabelled import Unlabelled
from bench.models.user_films import UserFilms, films_in
from bench.models.user_model import UserWorkload
from bench.records.plan import Region
from bench.records.preparation import Preparation
from bench.tasks import CLASSIFY


class Brought(Protocol):
    """What a user brings, in a plan or a job: a model with its task, and files with how they are prepared."""

    @property
    def model(self) -> str | None: ...
    @property
    def task(self) -> str | None: ...
    @property
    def data(self) -> str | None: ...
    @property
    def preparation(self) -> Preparation | None: ...
    @property
    def agreement(self) -> bool: ...


def open_workload(name: str, brought: Brought | None = None, region: Region = "host_to_host") -> Workload:
    """The suite's workload, or the user's model as one, fed with files where the whole way from them is timed.

    Raises PluginError, BadFile, BadModel or NoPipeline.
    """
    workload = load_workload(name) if brought is None or brought.model is None else _own(brought, brought.model)
    if brought is not None and brought.model is None and brought.data is not None:
        workload = _on_files(workload, Path(brought.data), brought.preparation)
    return EndToEnd(workload) if region == "end_to_end" else workload


def _on_files(workload: Workload, folder: Path, preparation: Preparation | None) -> Workload:
    """One of the suite on files of which nothing is known: films where it watches cameras, else what it takes."""
    films = films_in(folder) if workload.spec.video is not None else []
    return UserFilms(workload, films) if films else Unlabelled(workload, folder, preparation)


def _own(brought: Brought, model: str) -> Workload:
    data = Path(brought.data) if brought.data is not None else None
    return UserWorkload(Path(model), data, brought.preparation, brought.task or CLASSIFY.name, brought.agreement)
