"""Opening a workload by what a plan says: one of the installed ones by name, or the user's own model."""

from __future__ import annotations

from pathlib import Path

from bench.models.base import Workload
from bench.models.suite import load_workload
from bench.models.user_model import UserWorkload
from bench.records.preparation import Preparation


def open_workload(name: str, model: str | None, data: str | None, preparation: Preparation | None) -> Workload:
    """The suite's workload, or the user's model as one. Raises PluginError, BadFile or BadModel."""
    if model is not None:
        return UserWorkload(Path(model), Path(data) if data else None, preparation)
    return load_workload(name)
