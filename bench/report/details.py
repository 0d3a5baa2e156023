"""The smaller facts of runs, records and repetitions as labelled lines, for the terminal and for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any  # Any: the values of settings and of a plan, written as they are

import msgspec

from bench.records.numbers import RocPoint, Share
from bench.records.record import Quality, Record, Run, Trial
from bench.report.certified import challenge_lines, nonce_text
from bench.report.checks import (
    checked_text,
    footage_text,
    hand_over_text,
    in_flight_text,
    interpreter_text,
    lateness_text,
    stages_text,
)
from bench.report.devices import device_texts, devices_of, titled
from bench.report.rows import interval_text, quality_row
from bench.text import figures, name, printable, sentence

Line = tuple[str, str]


class Section(msgspec.Struct, frozen=True, kw_only=True):
    """A heading and its lines of label and value."""

    title: str
    lines: tuple[Line, ...]


def section(lang: str, key: str, lines: Sequence[tuple[str, str | None]]) -> Section:
    """`lines` are (key of the label, value); a value that is None is left out."""
    shown = tuple((sentence(lang, f"detail.{label}"), printable(value)) for label, value in lines if value is not None)
    return Section(title=sentence(lang, f"detail.{key}"), lines=shown)


def record_status(record: Record, state: str, lang: str) -> Section:
    """What kind of number this is."""
    return section(
        lang,
        "status",
        [
            ("status", _state(record, state, lang)),
            ("run", record.run_id),
            ("mode", name(lang, "mode", record.mode)),
            ("repetitions", str(len(record.trials))),
            ("division", name(lang, "division", record.division)),
            ("attestation", name(lang, "attestation", record.attestation)),
            ("origin", name(lang, "origin", record.origin)),
            ("region", sentence(lang, f"region.{record.timed_region}")),
            ("suite", record.suite_version),
            ("nonce", nonce_text(record.nonce, lang)),
            *challenge_lines(record.challenge, lang),
        ],
    )


def record_setup(record: Record, lang: str) -> Section:
    """Engine, device, and how the load was served."""
    asked, facts, device = record.measurement, record.facts, record.device
    lines: list[tuple[str, str | None]] = [("backend", record.backend)]
    if device is not None:
        lines += [("device", text) for text in device_texts(record, lang)]
        lines.append(("device_memory", figures.size(device.memory_bytes) if device.memory_bytes else None))
    if facts is not None:
        share = facts.device_operator_share
        lines += [
            ("engine", f"{facts.engine} {facts.engine_version}"),
            ("driver", facts.driver_version),
            ("precision", facts.precision_executed),
            ("int8_share", figures.share(facts.int8_share) if facts.int8_share else None),
            ("operators", figures.share(share) if share is not None else None),
            ("compile", figures.duration(facts.compile_s)),
            ("memory", figures.size(facts.memory_bytes) if facts.memory_bytes else None),
        ]
    per_query = str(asked.samples_per_query) if asked.samples_per_query > 1 else None
    # Zeros: the logs of others do not say.
    workers, threads = str(asked.workers or "") or None, str(asked.threads or "") or None
    lines += [("batch", str(asked.batch or "") or None), ("per_query", per_query), ("workers", workers)]
    lines += [("load_driver", "MLPerf LoadGen" if asked.driver == "loadgen" else None)]
    lines += [("threads", threads)]
    lines += [
        ("session_process", name(lang, "session_process", asked.session_process) if workers else None),
        ("hand_over", hand_over_text(record.hand_over)),
        ("round_trip", hand_over_text(record.round_trip)),
        ("stages", stages_text(record.stages, lang)),
        ("footage", footage_text(record.footage, lang)),
        ("load", figures.count(asked.load_samples)),
    ]
    lines += [("settings", pairs(record.settings)), ("applied", pairs(facts.applied) if facts is not None else None)]
    return section(lang, "setup", lines)


def record_hashes(record: Record, lang: str) -> Section:
    """What ties the record to model, session and configuration."""
    labels = ("model_hash", "session_hash", "config_hash")
    return section(lang, "hashes", [(label, getattr(record, label) or None) for label in labels])


def quality_section(quality: Quality | None, lang: str) -> Section:
    """Quality with everything that its verdict rests on."""
    shown = quality_row(quality, lang)
    lines: list[tuple[str, str | None]] = [("quality_state", shown.state_text)]
    if quality is None:
        return section(lang, "quality", lines)
    interval = f" {shown.interval} ({interval_text(quality.interval, 1, lang)})" if quality.interval else ""
    target = figures.share(quality.target) if quality.target is not None else None
    lines += [
        ("quality_value", f"{shown.metric}: {shown.value}{interval}" if shown.value else None),
        *(("quality_also", _share(key, one, lang)) for key, one in quality.also.items()),
        *(("quality_roc", _roc_point(one)) for one in quality.roc),
        ("quality_target", target),
        ("quality_samples", shown.samples),
        ("quality_judged", name(lang, "judged_by", quality.judged_by)),
        *_verdict(quality, lang),
        ("quality_agreement", figures.share(quality.agreement) if quality.agreement is not None else None),
    ]
    if quality.error is not None:
        both = f"{figures.ratio(quality.error.median)} / {figures.ratio(quality.error.max)}"
        lines.append(("quality_error", both))
    return section(lang, "quality", lines)


def _share(metric: str, found: Share, lang: str) -> str:
    told = figures.share(found.value, found.interval)
    return f"{name(lang, 'quality', metric)}: {told} ({interval_text(found.interval, 1, lang)})"


def _roc_point(point: RocPoint) -> str:
    return f"{figures.share(point.far)}: {figures.share(point.value, point.interval)}"


def host_section(run: Run, lang: str) -> Section:
    """The machine, as far as it could be read."""
    host, unknown = run.host, sentence(lang, "detail.unknown")
    return section(
        lang,
        "host",
        [
            # What was imported says less of its host.
            ("cpu", f"{host.cpu_model} ({host.architecture})" if host.architecture else host.cpu_model),
            ("cores", f"{_or(host.cores_physical, unknown)} / {host.cores_usable}"),
            ("memory_host", figures.size(host.memory_bytes)),
            ("numa", _or(host.numa_nodes, unknown)),
            ("frequency", f"{host.frequency_max_mhz:.0f} MHz" if host.frequency_max_mhz else unknown),
            ("governor", _or(host.governor, unknown)),
            ("virtualised", _or(host.virtualised, unknown)),
            ("system", host.operating_system),
            ("kernel", host.kernel or None),
        ],
    )


def version_section(run: Run, lang: str) -> Section:
    """Versions of the suite, of Python and of what is installed."""
    packages = ", ".join(f"{package} {version}" for package, version in sorted(run.host.packages.items()))
    lines = [("suite", run.suite_version), ("python", run.host.python or None), ("packages", packages or None)]
    return section(lang, "versions", lines)


def run_section(run: Run, lang: str) -> Section:
    """What was started, when, and how far it went."""
    return section(
        lang,
        "run",
        [
            ("run", run.run_id),
            ("started", run.started_at),
            ("status", name(lang, "state", run.status)),
            ("mode", name(lang, "mode", run.plan.mode)),
            ("backend", f"{run.plan.backend} ({', '.join(run.plan.devices)})"),
            ("seed", str(run.plan.seed) if run.nonce is None else None),
            ("nonce", nonce_text(run.nonce, lang)),
            ("profile", run.plan.profile),
        ],
    )


def system_section(records: Sequence[Record], lang: str) -> Section:
    """Devices and engines of all records, each named once."""
    devices = [titled(device) for record in records for device in devices_of(record)]
    facts = [record.facts for record in records if record.facts is not None]
    lines: list[tuple[str, str | None]] = [
        ("device", _distinct(devices)),
        ("engine", _distinct([f"{entry.engine} {entry.engine_version}" for entry in facts])),
        ("driver", _distinct([entry.driver_version for entry in facts if entry.driver_version])),
        ("precision", _distinct([entry.precision_executed for entry in facts])),
        ("division", _distinct([name(lang, "division", record.division) for record in records])),
        ("attestation", _distinct([name(lang, "attestation", record.attestation) for record in records])),
    ]
    return Section(title=sentence(lang, "report.system"), lines=section(lang, "setup", lines).lines)


def trial_section(trial: Trial, lang: str) -> Section:
    """One repetition: how it went and what disturbed it."""
    report = trial.report
    lines: list[tuple[str, str | None]] = [
        ("status", name(lang, "state", trial.status)),
        ("failure", trial.failure or (report.fault.words if report and report.fault else None)),
        ("started", trial.started_at),
        ("seed", str(trial.seed)),
    ]
    if report is not None:
        noise, unknown = report.noise, sentence(lang, "detail.unknown")
        shares = [figures.share(x) if x is not None else unknown for x in (noise.foreign_cpu_share, noise.steal_share)]
        lines += [
            ("elapsed", figures.duration(trial.elapsed_s)),
            ("rows", figures.count(report.rows)),
            ("warmup", f"{figures.count(report.warmup_rows)} / {figures.count(report.warmup_cut)}"),
            ("cpu_time", figures.duration(report.cpu_s) if report.cpu_s is not None else None),
            ("hand_over", hand_over_text(report.hand_over)),
            ("round_trip", hand_over_text(report.round_trip)),
            ("harness_late", lateness_text(trial.lateness, lang)),
            ("in_flight", in_flight_text(trial.in_flight, lang)),
            ("interpreter", interpreter_text(report.interpreter, lang)),
            ("fresh_inputs", figures.share(gain) if (gain := report.fresh_input_gain) is not None else None),
            ("noise", " / ".join(shares)),
            ("verified", checked_text(report.verification)),
            ("reference_check", checked_text(report.reference_check)),
            ("model_hash", report.model_hash),
            ("session_hash", report.session_hash),
            ("load_hash", report.load_sha256),
        ]
    return Section(title=sentence(lang, "detail.trial", index=trial.index + 1), lines=section(lang, "run", lines).lines)


def pairs(settings: Mapping[str, Any]) -> str | None:
    """`name=value` of each setting; None when there are none."""
    return ", ".join(f"{key}={value}" for key, value in sorted(settings.items())) or None


def _verdict(quality: Quality, lang: str) -> list[tuple[str, str | None]]:
    verdict = quality.verdict
    if verdict is None:
        return []
    counts, away = verdict.counts, verdict.difference
    limits = f"[{100.0 * away.low:+.2f}, {100.0 * away.high:+.2f}], {interval_text(away, 1, lang)}"
    parts = (counts.both, counts.gained, counts.lost, counts.neither)
    return [
        ("quality_reference", figures.share(verdict.reference)),
        ("quality_difference", limits),
        ("quality_allowance", f"{100.0 * verdict.allowance:+.2f}"),
        ("quality_counts", " / ".join(figures.count(part) for part in parts)),
    ]


def _state(record: Record, state: str, lang: str) -> str:
    note = sentence(lang, f"state_note.{state}", run_id=record.run_id)
    return sentence(lang, "phrase.labelled", label=name(lang, "state", state), text=note)


def _distinct(texts: Sequence[str]) -> str | None:
    return "; ".join(dict.fromkeys(texts)) or None


def _or(value: object, unknown: str) -> str:
    return unknown if value is None else str(value)
