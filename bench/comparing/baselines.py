"""Stored baselines: `baselines/<profile>/<measurement>/`, each a small run of one record, and their change history.

A baseline is keyed by the runner's hardware, workload, scenario and precision; engine, driver and code are what is
under test. It shows the trend; a gate is the interleaved A/B, whose arms have the same hour of the same machine.
"""

from __future__ import annotations

import datetime
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.comparing.kept import Kept, kept_records
from bench.records.course import BaselineChange
from bench.records.record import Trial
from bench.records.versions import load
from bench.store.files import write_bytes, write_record
from bench.store.runs import RECORD, RUN, TRIAL

HISTORY = "history.jsonl"
_PROFILE = re.compile(r"[a-z0-9][a-z0-9._-]{0,99}")
_FEWEST = 2


class BadBaseline(ValueError):
    """A baseline that is missing, or a record that cannot become one; one line."""


def runner_of(kept: Kept) -> str:
    """The runner's hardware as a name: processor, usable cores, and the devices of an accelerator."""
    host = kept.run.host if kept.run is not None else None
    device = kept.record.device
    parts = [host.cpu_model, str(host.cores_usable)] if host is not None else ["unknown"]
    if device is not None and device.kind != "cpu":
        parts += [f"{len(kept.record.more_devices) + 1}x", device.title or device.kind]
    words = re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")
    return words[:100].strip("-") or "unknown"


def profile_folder(results: Path, profile: str) -> Path:
    """Where the baselines of a profile lie. Raises BadBaseline for a name that is none."""
    if not _PROFILE.fullmatch(profile):
        raise BadBaseline(f"{profile!r} is no name of a profile: lower-case letters, digits, `.`, `_` and `-`")
    return results / "baselines" / profile


def load_baselines(folder: Path, kept: Mapping[str, Kept]) -> dict[str, Kept]:
    """The baseline of each of these measurements. Raises BadBaseline where one is missing, BadFile where broken."""
    found: dict[str, Kept] = {}
    for name in kept:
        file = folder / name / RUN
        if not file.is_file():
            there = ", ".join(sorted(entry.parent.name for entry in folder.glob(f"*/{RUN}"))) or "none"
            raise BadBaseline(
                f"There is no baseline of {name} in {folder} (there: {there}). "
                "`bench baseline update RUN` makes a sound run the baseline"
            )
        found |= kept_records(file, "the baseline")
    return found


def update(kept: Mapping[str, Kept], source: Path, folder: Path, note: str) -> list[BaselineChange]:
    """Make the records of a run the baselines under `folder`, and add to the change history.

    `source` is the run's folder. Raises BadBaseline before anything is written where a record is not sound enough.
    """
    for entry in kept.values():
        _check(entry)
    changes = []
    for entry in kept.values():
        before = kept_records(folder / entry.name / RUN, "") if (folder / entry.name / RUN).is_file() else {}
        _keep(entry, source, folder / entry.name)
        changes.append(_change(entry, before.get(entry.name), note))
    history = folder / HISTORY
    lines = history.read_bytes() if history.exists() else b""
    write_bytes(history, lines + b"".join(msgspec.json.encode(change) + b"\n" for change in changes))
    return changes


def _check(kept: Kept) -> None:
    values = kept.values.get(kept.record.primary, ())
    if not kept.record.valid:
        raise BadBaseline(f"{kept.name}: the record is {_why(kept)}; only a sound one can be a baseline")
    if len(values) < _FEWEST:
        raise BadBaseline(
            f"{kept.name}: {len(values)} repetition with a value of {kept.record.primary}; a baseline needs at least "
            f"{_FEWEST}: measure with `--mode standard`"
        )


def _why(kept: Kept) -> str:
    errors = [found.code for found in kept.record.findings if found.severity == "error"]
    return "partial" if kept.record.status == "partial" else f"invalid ({', '.join(errors)})"


def _keep(kept: Kept, source: Path, folder: Path) -> None:
    """The record with its repetitions, without what only pictures need, in the shape of a run."""
    assert kept.run is not None
    shutil.rmtree(folder, ignore_errors=True)
    for name in kept.record.trials:
        trial = load(source / kept.name / name / TRIAL, Trial)
        write_record(folder / kept.name / name / TRIAL, msgspec.structs.replace(trial, sketch=None, curve=()))
    write_record(folder / kept.name / RECORD, msgspec.structs.replace(kept.record, sketch=None, curve=()))
    own = msgspec.structs.replace(kept.run, measurements=(kept.record.measurement,), hardware=None)
    write_record(folder / RUN, own)


def _change(kept: Kept, before: Kept | None, note: str) -> BaselineChange:
    metric = kept.record.primary
    earlier = before.record.metrics.get(metric) if before is not None else None
    value = kept.record.metrics[metric].value
    assert value is not None  # a record with values of its repetitions has one
    return BaselineChange(
        at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        measurement=kept.name,
        run=kept.record.run_id,
        metric=metric,
        value=value,
        before=earlier.value if earlier is not None else None,
        before_run=before.record.run_id if before is not None else None,
        note=note,
    )
