"""Opening a workload by what a plan says: one of the installed ones by name, or the user's own model."""

from __future__ import annotations

from pathlib import Path

from bench.models.base import Workload
from bench.models.end_to_end import EndToEnd
from bench.models.suite import load_workload
from bench.models.user_model import UserWorkload
from bench.records.plan import Region
from bench.records.preparation import Preparation


def open_workload(
    name: str,
    model: str | None,
    data: str | None,
    preparation: Preparation | None = None,
    region: Region = "host_to_host",
) -> Workload:
    """The suite's workload, or the user's model as one, fed with files where the whole way from them is timed.

    Raises PluginError, BadFile, BadModel or NoPipeline.
    """
    own = UserWorkload(Path(model), Path(data) if data else None, preparation) if model is not None else None
    workload: Workload = own or load_workload(name)
    return EndToEnd(workload) if region == "end_to_end" else workload
