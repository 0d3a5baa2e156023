"""One row of the list from one candidate: which table it stands in, its gates, its terms, what is declared of it."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from bench.procurement.candidates import Candidate, Unreadable, is_formal
from bench.procurement.gates import limits
from bench.procurement.values import TermValue, term_value
from bench.records.hashing import record_hash
from bench.records.listing import Remark, Row, Source, State, Table, TermResult
from bench.records.policy import Policy

Particulars = Mapping[str, Mapping[str, str]]
# What a single round on one machine cannot know; the names of the catalogues.
_NOT_ASSESSED = ("day-to-day", "host-to-host", "unit-to-unit", "clock", "meter", "quality-sampling")


@dataclass(frozen=True)
class Assessed:
    """A row before it is ranked, and the terms that it is ranked by; none where it cannot be."""

    row: Row
    terms: tuple[TermValue, ...] = ()


def unreadable(number: int, found: Unreadable) -> Assessed:
    """The row of something that cannot be read."""
    remark = Remark(code="unreadable", subject=found.source, seen=found.why)
    return Assessed(Row(number=number, table="not-assessed", run_id="", source=found.source, remarks=(remark,)))


def assessed(
    number: int, candidate: Candidate, policy: Policy, particulars: Particulars, on: datetime.date
) -> Assessed:
    """The row of a candidate as of a day."""
    tested = datetime.datetime.fromisoformat(candidate.run.started_at).date()
    expires = months_later(tested, policy.valid_months)
    values = [term_value(candidate, term, policy) for term in policy.terms]
    missing = [value for value in values if isinstance(value, Remark)]
    terms = tuple(value for value in values if isinstance(value, TermValue))
    remarks = [*hindrances(candidate, policy), *missing]
    table: Table = "not-assessed" if remarks else "formal" if is_formal(candidate) else "self-test"
    repeated = min((term.repetitions for term in terms), default=0)
    gates = limits(candidate, policy, expires, on, repeated)
    row = _described(number, candidate, particulars)
    changes = {
        "table": table,
        "tested_on": tested,
        "expires_on": expires,
        "state": _state(candidate, on <= expires),
        "eligible": table == "formal" and all(gate.state == "met" for gate in gates),
        "terms": tuple(_result(term) for term in terms),
        "budget": _budget(terms, policy) if not missing else (),
        "gates": gates,
        "remarks": (*remarks, *_told(candidate)),
    }
    return Assessed(msgspec.structs.replace(row, **changes), terms if table != "not-assessed" else ())


def config_hash(candidate: Candidate) -> str:
    """The hash of the whole tested configuration: of all that was measured in the run."""
    return record_hash(sorted((name, record.config_hash) for name, record in candidate.records.items()))


def _state(candidate: Candidate, in_time: bool) -> State:
    """What the registry says, where it does; what has run out of its time has expired."""
    if not in_time:
        return "expired"
    return "valid" if candidate.entered is None or candidate.entered.status == "initial" else candidate.entered.status


def _told(candidate: Candidate) -> list[Remark]:
    """What a reader should know, and what keeps nothing from being assessed."""
    if candidate.entered is None or not candidate.entered.under_review:
        return []
    return [Remark(code="under-review", subject=candidate.entered.accepted.submission)]


def hindrances(candidate: Candidate, policy: Policy) -> list[Remark]:
    """What keeps the whole run from being assessed, whatever its terms say."""
    found = list(candidate.violations)
    if candidate.run.suite_version != policy.suite_version:
        found.append(Remark(code="other-suite", subject=candidate.run.suite_version, seen=policy.suite_version))
    if candidate.run.plan.mode == "quick":
        found.append(Remark(code="quick", seen=str(policy.admission.repetitions)))
    return found


def _described(number: int, candidate: Candidate, particulars: Particulars) -> Row:
    run, facts = candidate.run, candidate.run.hardware.facts if candidate.run.hardware is not None else None
    claims = list(candidate.claims.values())
    origin = facts.origin if facts is not None else None
    declared = {name: text for name in ("cpu", "system", "accelerator", "framework")
                if origin is not None and (text := getattr(origin, name)) is not None}  # fmt: skip
    return Row(
        number=number,
        table="not-assessed",
        run_id=run.run_id,
        source=candidate.source,
        archive_sha256=candidate.archive_sha256,
        config_hash=config_hash(candidate),
        particulars=dict(particulars.get(run.run_id, {})),
        vendor=facts.vendor if facts is not None else "",
        product=facts.model if facts is not None else "",
        machine_class=facts.machine_class if facts is not None else "",
        backend=run.plan.backend,
        device=", ".join(run.plan.devices),
        mode=run.plan.mode,
        suite_version=run.suite_version,
        attestation=_joined({claim.attestation for claim in claims}),
        division=_joined({claim.division for claim in claims}),
        origin=_joined({claim.origin for claim in claims}),
        availability=facts.availability if facts is not None else "",
        declared_origin=declared,
    )


def _joined(words: set[str]) -> str:
    return ", ".join(sorted(words))


def _result(term: TermValue) -> TermResult:
    return TermResult(
        metric=term.metric,
        value=term.value,
        repetitions=term.repetitions,
        ratio=math.exp(term.mean),
        repetition_variance=term.variance,
        resolution_variance=term.resolution,
    )


def _budget(terms: tuple[TermValue, ...], policy: Policy) -> tuple[Source, ...]:
    """Where the variance of the composite's logarithm comes from; U is twice the root of the sum."""
    weights = [term.weight for term in policy.terms]
    pairs = list(zip(terms, weights, strict=True))
    return (
        Source(source="repetition", variance=sum(weight**2 * term.variance for term, weight in pairs)),
        Source(source="search", variance=sum(weight**2 * term.resolution for term, weight in pairs)),
        *(Source(source=name, variance=None) for name in _NOT_ASSESSED),
    )


def months_later(day: datetime.date, months: int) -> datetime.date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in (day.day, 30, 29, 28):
        try:
            return datetime.date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError("every month has 28 days")
