"""From one submission to what a test report says of it: lines of results, verdicts by a policy, and the conclusion."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec

from bench.judging.attempts import scored
from bench.procurement.addresses import parsed
from bench.procurement.candidates import Candidate, is_formal
from bench.procurement.gates import conditions_of, limit_of
from bench.procurement.rows import hindrances, months_later
from bench.procurement.values import record_of
from bench.records.findings import error_codes
from bench.records.inspection import Conclusion, Inspected, Inspection, Judgement, Requirement, Rules
from bench.records.listing import GateState, Limit, Remark
from bench.records.metrics import METRICS
from bench.records.numbers import Measured
from bench.records.particulars import Particulars
from bench.records.policy import QUALITY, Gate, Policy
from bench.records.record import Record, Trial
from bench.records.submission import PackedFile
from bench.store.runs import RunFolder
from bench.submission.archive import Source, described
from bench.submission.contents import Contents, obstacles
from bench.submission.packing import opened

_JUDGEMENT: dict[GateState, Judgement] = {"met": "conforms", "not-met": "violates", "unverified": "unchecked"}


def inspection(
    candidate: Candidate,
    files: tuple[PackedFile, ...],
    particulars: Particulars,
    policy: tuple[Policy, str] | None,
    issued_on: datetime.date | None,
) -> Inspection:
    """The report's content; `policy` comes with the SHA-256 of its file. `files` are all raw data of the submission."""
    begun, ended = _span(candidate)
    as_of = issued_on or ended.date()
    conditions = _conditions(candidate, policy[0], begun.date(), as_of) if policy is not None else ()
    items = tuple(_items(candidate, policy[0].gates if policy is not None else ()))
    conclusion, reasons = concluded(candidate, policy[0] if policy is not None else None, items, conditions)
    return Inspection(
        suite_version=candidate.run.suite_version,
        run_id=candidate.run.run_id,
        category="commissioned" if is_formal(candidate) else "self-test",
        verified=candidate.verified,
        archive_sha256=candidate.archive_sha256,
        issued_on=issued_on,
        as_of=as_of,
        tested_from=begun,
        tested_until=ended,
        rules=_rules(*policy) if policy is not None else None,
        conclusion=conclusion,
        reasons=reasons,
        conditions=conditions,
        items=items,
        deviations=tuple(obstacles(candidate.run, candidate.records)),
        verification=candidate.items,
        files=files,
        particulars=particulars,
    )


def concluded(
    candidate: Candidate, policy: Policy | None, items: Sequence[Inspected], conditions: Sequence[Limit]
) -> tuple[Conclusion, tuple[Remark, ...]]:
    """What the lines come to, and why.

    Data that contradict themselves, looks and other suites allow no conclusion. Then one requirement that is not met
    is a failure, whoever measured; a pass needs every requirement met, and a result of the kind that the policy admits.
    """
    if policy is None:
        return "not-judged", (Remark(code="no-policy"),)
    if barred := tuple(hindrances(candidate, policy)):
        return "not-judged", barred
    required = [item for item in items if _counts(item, policy)]
    if not policy.gates:
        return "not-judged", (Remark(code="no-requirement", subject=policy.name),)
    failed = tuple(
        Remark(code="requirement-not-met", subject=item.measurement, seen=item.metric)
        for item in required
        if item.judgement == "violates"
    )
    missing = (*_unchecked(required), *_unmet(conditions))
    return ("failed", failed) if failed else ("not-judged", missing) if missing else ("passed", ())


def _unchecked(required: Sequence[Inspected]) -> Iterator[Remark]:
    for item in required:
        if item.judgement == "unchecked":
            yield Remark(code="requirement-unchecked", subject=item.measurement, seen=item.metric)


def _unmet(conditions: Sequence[Limit]) -> Iterator[Remark]:
    for one in conditions:
        if one.state == "not-met":
            yield Remark(code="condition-not-met", subject=one.gate, seen=one.seen)
        elif one.state == "unverified":
            yield Remark(code="condition-unchecked", subject=one.gate)


def _rules(policy: Policy, sha256: str) -> Rules:
    return Rules(name=policy.name, round=policy.round, sha256=sha256, digits=policy.digits)


def _counts(item: Inspected, policy: Policy) -> bool:
    """Requirements of the policy do, and the suite's on the quality of the workloads that the policy is about."""
    if item.requirement is None:
        return False
    addresses = [gate.metric for gate in policy.gates] + [term.metric for term in policy.terms]
    named = {parsed(address).workload for address in addresses}
    return item.requirement.asked_by == "policy" or item.measurement.partition(".")[0] in named


def _conditions(candidate: Candidate, policy: Policy, tested: datetime.date, on: datetime.date) -> tuple[Limit, ...]:
    named = {parsed(gate.metric).workload for gate in policy.gates}
    counts = [
        _repeated(candidate, record) for record in candidate.records.values() if record.measurement.workload in named
    ]
    expires = months_later(tested, policy.valid_months)
    return conditions_of(candidate, policy, expires, on, min(counts, default=0))


def _items(candidate: Candidate, gates: Sequence[Gate]) -> Iterator[Inspected]:
    """What a policy asks for, in its order, then everything else that was measured."""
    asked: set[tuple[str, str]] = set()
    for gate in gates:
        item = _gated(candidate, gate)
        asked.add((item.measurement, item.metric))
        yield item
    for name, record in candidate.records.items():
        others = [metric for metric in METRICS if metric in record.metrics and metric != record.primary]
        for metric in [record.primary, *others]:
            if (name, metric) not in asked:
                yield _figure(candidate, record, metric)
        if (name, QUALITY) not in asked:
            yield _quality(candidate, record)


def _gated(candidate: Candidate, gate: Gate) -> Inspected:
    """A requirement of the policy, judged by the very code that judges for a list."""
    address, limit = parsed(gate.metric), limit_of(candidate, gate)
    record = record_of(candidate, address, gate.timed_region)
    found = None if isinstance(record, Remark) else record
    remarks = (record,) if isinstance(record, Remark) else _remarks(record)
    figure = _measured(found, address.metric) if found is not None else Measured()
    if limit.state == "unverified" and not remarks:
        remarks = (Remark(code="no-interval" if limit.value is not None else "no-value", subject=gate.metric),)
    return Inspected(
        measurement=found.measurement.name if found is not None else f"{address.workload}.{address.scenario}",
        metric=address.metric,
        unit=address.unit,
        timed_region=gate.timed_region,
        value=figure.value,
        interval=figure.interval,
        repetitions=_repeated(candidate, found) if found is not None else 0,
        requirement=_required(gate),
        judgement=_JUDGEMENT[limit.state],
        near=limit.near,
        unverified=found is not None and _is_unverified(found),
        remarks=remarks,
    )


def _required(gate: Gate) -> Requirement:
    return Requirement(op=gate.op, limit=gate.limit, unit=gate.unit, guarded=gate.guarded, asked_by="policy")


def _figure(candidate: Candidate, record: Record, metric: str) -> Inspected:
    """Something that was measured and that nobody asks anything of; without a value it was not checked."""
    figure = record.metrics.get(metric, Measured())
    why = figure.refusal.code if figure.refusal is not None else ""
    missing = () if figure.value is not None else (Remark(code="no-value", subject=metric, seen=why),)
    return Inspected(
        measurement=record.measurement.name,
        metric=metric,
        unit=METRICS[metric].unit if metric in METRICS else "",
        timed_region=record.timed_region,
        value=figure.value,
        interval=figure.interval,
        repetitions=_repeated(candidate, record),
        judgement="unchecked" if missing else "not-applicable",
        unverified=_is_unverified(record),
        remarks=(*_remarks(record), *missing),
    )


def _quality(candidate: Candidate, record: Record) -> Inspected:
    """The answers against the suite's own target; that the loss against the reference is small is asked as well."""
    quality = record.quality
    passed = quality.passed if quality is not None else None
    # A record that is void for another reason proves nothing of its answers either.
    judgement: Judgement = "violates" if passed is False else "conforms" if passed and record.valid else "unchecked"
    target, interval = (quality.target, quality.interval) if quality is not None else (None, None)
    return Inspected(
        measurement=record.measurement.name,
        metric=QUALITY,
        unit="1",
        timed_region=record.timed_region,
        value=quality.value if quality is not None else None,
        interval=interval,
        repetitions=_repeated(candidate, record),
        requirement=_targeted(target) if target is not None else None,
        judgement=judgement,
        near=target is not None and interval is not None and interval.low <= target <= interval.high,
        unverified=_is_unverified(record),
        remarks=_remarks(record),
    )


def _targeted(target: float) -> Requirement:
    return Requirement(op=">=", limit=target, unit="1", asked_by="suite")


def _repeated(candidate: Candidate, record: Record) -> int:
    """Repetitions behind the published figures: those of the last attempt, where a search made several."""
    return len(scored(record, candidate.trials[record.measurement.name]))


def _measured(record: Record, metric: str) -> Measured:
    if metric != QUALITY:
        return record.metrics.get(metric, Measured())
    quality = record.quality
    return Measured(value=quality.value, interval=quality.interval) if quality is not None else Measured()


def _remarks(record: Record) -> tuple[Remark, ...]:
    """What a reader must know beside every figure of a record."""
    name = record.measurement.name
    if not record.valid:
        return (Remark(code="invalid", subject=name, seen=", ".join(error_codes(record.findings)) or record.status),)
    passed = record.quality.passed if record.quality is not None else None
    return () if passed else (Remark(code="quality-unverified", subject=name),)


def _is_unverified(record: Record) -> bool:
    return not record.valid or record.quality is None or record.quality.passed is not True


def _span(candidate: Candidate) -> tuple[datetime.datetime, datetime.datetime]:
    """When the run began, and when its last repetition ended; without repetitions both are the beginning."""
    begun = datetime.datetime.fromisoformat(candidate.run.started_at)
    every = [trial for trials in candidate.trials.values() for trial in trials]
    return begun, max([begun, *(end for trial in every if (end := _end(trial, begun)) is not None)])


def _end(trial: Trial, begun: datetime.datetime) -> datetime.datetime | None:
    try:
        found = datetime.datetime.fromisoformat(trial.started_at)
    except ValueError:
        return None
    if (found.tzinfo is None) != (begun.tzinfo is None):
        return None  # cannot be compared; the verification tells of it
    return found + datetime.timedelta(seconds=max(0.0, min(trial.elapsed_s, 1e7)))


def raw_files(candidate: Candidate) -> tuple[PackedFile, ...]:
    """All files of a submission with the SHA-256 of their bytes; those of a run's folder are read for it now."""
    if candidate.archive_sha256 is not None:
        return candidate.files
    source = Path(candidate.source)
    folder = RunFolder(source if source.is_dir() else source.parent)
    names = sorted(Contents(folder).files())
    return tuple(described(Source(name=name, open=partial(opened, folder.path / name))) for name in names)


def claimed(candidate: Candidate) -> list[Record]:
    """The records with what they count as by signatures and registry, whatever they say of themselves."""
    formal = is_formal(candidate)
    return [
        msgspec.structs.replace(
            record,
            attestation="attested" if formal else "self",
            division=claim.division if claim is not None else record.division,
        )
        for name, record in candidate.records.items()
        for claim in (candidate.claims.get(name),)
    ]
