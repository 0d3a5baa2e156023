"""What must be so between the parts of a run, whatever its figures: times, identities of repetitions, host."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Iterator, Sequence

import numpy as np

from bench.records.host import Host
from bench.records.job import Report
from bench.records.plan import Measurement
from bench.records.record import Run, Trial
from bench.records.submission import Item
from bench.scoring.columns import Columns
from bench.submission.timelines import Samples

_SLACK_S = 2.0  # records hold whole seconds
_LATE_S, _LATE_SHARE = 0.1, 0.01
_CPU_SHARE = 1.05


def violated(check: str, subject: str, reason: str, seen: object = "") -> Item:
    """An item that does not conform."""
    return Item(check=check, subject=subject, verdict="violates", reason=reason, seen=str(seen)[:300])


def conforming(check: str, subject: str, seen: object = "") -> Item:
    """An item that conforms."""
    return Item(check=check, subject=subject, verdict="conforms", seen=str(seen)[:300])


def unchecked(check: str, subject: str, reason: str, seen: object = "") -> Item:
    """An item that nobody can vouch for."""
    return Item(check=check, subject=subject, verdict="unchecked", reason=reason, seen=str(seen)[:300])


def moment(text: str) -> datetime.datetime | None:
    """A kept moment; None for what is none."""
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def times_of_run(run: Run, trials: Sequence[tuple[str, Trial]], now: datetime.datetime) -> Iterator[Item]:
    """Whether repetitions began after their run, one after another as long as each lasted, and not in the future."""
    begun = moment(run.started_at)
    if begun is None or begun > now + datetime.timedelta(days=1):
        yield violated("times", run.run_id, "start-of-run", run.started_at)
        return
    ends: dict[str, datetime.datetime] = {}
    wrong = False
    for name, trial in trials:
        started, place = moment(trial.started_at), f"{name}/trial-{trial.index:02d}"
        least = ends.get(name, begun) - datetime.timedelta(seconds=_SLACK_S)
        if started is None or not least <= started <= now + datetime.timedelta(days=1):
            wrong = True
            yield violated("times", place, "start-of-trial", trial.started_at)
            continue
        ends[name] = started + datetime.timedelta(seconds=max(0.0, min(trial.elapsed_s, 1e6)))
    if not wrong:
        yield conforming("times", run.run_id)


def times_of_trial(place: str, columns: Columns, trial: Trial, report: Report, host: Host) -> Iterator[Item]:
    """Whether a repetition lies within what its process measured around it."""
    first, last = int(columns.started_ns.min()), int(columns.ended_ns.max())
    beyond = report.elapsed_ns - (last - first)
    if not 0 <= beyond <= _LATE_S * 1e9 + _LATE_SHARE * report.elapsed_ns:
        yield violated("clock", place, "elapsed", f"{last - first} ns, {report.elapsed_ns} ns")
    elif report.noise.seconds + 1e-3 < report.elapsed_ns / 1e9:
        yield violated("clock", place, "shorter-watch", f"{report.noise.seconds} s, {report.elapsed_ns} ns")
    elif report.cpu_s is not None and not 0 <= report.cpu_s <= _most_cpu_s(report, host):
        yield violated("clock", place, "processor-time", f"{report.cpu_s} s")
    else:
        yield conforming("clock", place)


def fingerprint(table: Samples) -> str | None:
    """What two repetitions never share, the times that every query took; None of a single one."""
    times = np.ascontiguousarray(table["ended"] - table["started"])
    return hashlib.sha256(times.data).hexdigest() if len(times) > 1 else None


def distinct_trials(name: str, fingerprints: Sequence[tuple[Trial, str | None]]) -> Iterator[Item]:
    """Whether no two repetitions are the same one, and none ran while another one of the measurement did."""
    seen: dict[str, int] = {}
    spans: list[tuple[int, int, int]] = []
    wrong = False
    for trial, digest in fingerprints:
        if digest is not None and digest in seen:
            wrong = True
            yield violated("distinct", name, "cloned", f"trial-{seen[digest]:02d}, trial-{trial.index:02d}")
        if digest is not None:
            seen[digest] = trial.index
        if trial.report is not None:
            spans.append((trial.report.t0_ns, trial.report.t0_ns + trial.report.elapsed_ns, trial.index))
    for (_, end, one), (begin, _, other) in zip(sorted(spans), sorted(spans)[1:], strict=False):
        if begin < end:
            wrong = True
            yield violated("distinct", name, "overlapping", f"trial-{one:02d}, trial-{other:02d}")
    if not wrong:
        yield conforming("distinct", name, len(fingerprints))


def one_machine(run: Run, name: str, trials: Sequence[Trial]) -> Iterator[Item]:
    """Whether all repetitions ran the same engine on the same device, on a host that can be."""
    host = run.host
    builds = {
        (
            report.device,
            report.facts.engine,
            report.facts.engine_version,
            report.facts.driver_version,
            report.model_hash,
        )
        for trial in trials
        if (report := trial.report) is not None
    }
    if len(builds) > 1:
        yield violated("host", name, "mixed", len(builds))
    elif not _plausible(host):
        yield violated("host", name, "implausible", f"{host.cores_usable} cores, {host.memory_bytes} bytes")
    else:
        yield conforming("host", name)


def sizes(place: str, columns: Columns, measurement: Measurement, report: Report) -> Iterator[Item]:
    """Whether workers and rows are those that the plan has."""
    workers = measurement.workers * measurement.devices
    if int(columns.worker.max()) >= workers:
        yield violated("timeline", place, "worker", f"{int(columns.worker.max())}, {workers}")
    elif int((columns.ended_ns - columns.started_ns).min()) < 0:
        yield violated("timeline", place, "backwards")
    elif columns.rows != report.rows:
        yield violated("timeline", place, "rows", f"{columns.rows}, {report.rows}")
    else:
        yield conforming("timeline", place, columns.rows)


def _most_cpu_s(report: Report, host: Host) -> float:
    return max(1, host.cores_usable) * report.noise.seconds * _CPU_SHARE + 0.1


def _plausible(host: Host) -> bool:
    physical = host.cores_physical
    return (
        1 <= host.cores_usable <= 1 << 16
        and 1 << 24 <= host.memory_bytes <= 1 << 50
        and (physical is None or 1 <= physical <= 1 << 16)
        and (host.frequency_max_mhz is None or 10 <= host.frequency_max_mhz <= 20_000)
    )
