"""Parts of a test report: what was put to the system, and every repetition with what became of it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.models.suite import load_workload
from bench.plugins import PluginError
from bench.records.record import Record, Trial
from bench.records.untrusted import BadFile
from bench.report.rows import finding_rows, value_text
from bench.submission.claims import is_of_suite
from bench.text import figures, name, printable, sentence

_MOST_HASHES = 3


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement's load and data, as labelled lines."""

    name: str
    lines: tuple[tuple[str, str], ...]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One repetition: `state` is `complete`, `failed`, or `invalid` where its findings make its figures void."""

    measurement: str
    number: int
    started: str
    elapsed: str
    value: str
    state: str
    state_text: str
    notes: tuple[str, ...]


def workloads_of(records: Sequence[Record], trials: dict[str, list[Trial]], lang: str) -> tuple[Workload, ...]:
    """What each measurement was of: version, network, data with their hashes and licence, and how they were served."""
    return tuple(_workload(record, trials.get(record.measurement.name, []), lang) for record in records)


def rounds_of(records: Sequence[Record], trials: dict[str, list[Trial]], lang: str) -> tuple[Round, ...]:
    """Every repetition of every measurement, those that failed as well."""
    return tuple(_round(record, trial, lang) for record in records for trial in trials.get(record.measurement.name, []))


def _workload(record: Record, trials: Sequence[Trial], lang: str) -> Workload:
    asked, quality = record.measurement, record.quality
    loaded = dict.fromkeys(trial.report.load_sha256 for trial in trials if trial.report is not None)
    seen = [one.removeprefix("sha256:") for one in loaded if one]
    more = [f"+ {len(seen) - _MOST_HASHES}"] if len(seen) > _MOST_HASHES else []  # each stands in its trial.json
    hashes = ", ".join((*seen[:_MOST_HASHES], *more)) or figures.NONE
    served = {"batch": asked.batch, "workers": asked.workers, "threads": asked.threads}
    lines = [
        *_origin(asked.workload, lang),
        ("precision", asked.precision),
        ("division", name(lang, "division", record.division)),
        ("region", name(lang, "test_report_region", record.timed_region)),
        ("model_hash", record.model_hash),
        ("served", sentence(lang, "test_report.served_text", **served)),
        ("loaded", sentence(lang, "test_report.loaded_text", count=figures.count(asked.load_samples), hashes=hashes)),
        ("evaluated", f"{quality.samples} / {quality.evaluation_samples}" if quality is not None else figures.NONE),
    ]
    labelled = tuple((sentence(lang, f"test_report.load_{key}"), printable(text)) for key, text in lines)
    return Workload(name=printable(asked.name), lines=labelled)


def _origin(workload: str, lang: str) -> list[tuple[str, str]]:
    """What the suite says of a workload of its own; nothing is read of others."""
    try:
        spec = load_workload(workload).spec if is_of_suite(workload) else None
    except (PluginError, BadFile):
        spec = None
    if spec is None:
        return [("workload", sentence(lang, "test_report.own_workload", name=workload))]
    version = sentence(lang, "test_report.version", version=spec.version)
    title = f"{spec.title.get(lang, spec.name)} ({spec.name}, {version})"
    known = [(key, spec.origin[key]) for key in ("data", "weights") if key in spec.origin]
    return [("workload", title), ("network", spec.model.network), *known]


def _round(record: Record, trial: Trial, lang: str) -> Round:
    void = any(found.severity == "error" for found in trial.findings)
    state = "failed" if trial.status == "failed" else "invalid" if void else "complete"
    figure = trial.metrics.get(record.primary)
    notes = [found.text.seen for found in finding_rows(trial.findings, lang) if found.severity != "info"]
    if trial.failure:
        notes.insert(0, printable(trial.failure))
    return Round(
        measurement=printable(record.measurement.name),
        number=trial.index + 1,
        started=printable(trial.started_at),
        elapsed=figures.duration(max(0.0, trial.elapsed_s)),
        value=figures.split(value_text(record.primary, figure))[0] if figure is not None else figures.NONE,
        state=state,
        state_text=name(lang, "state", state),
        notes=tuple(notes),
    )
