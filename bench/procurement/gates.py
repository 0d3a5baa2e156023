"""Gates: what every eligible result must be, and the limits of a policy, which no score makes up for."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterator

from bench.models.suite import load_workload
from bench.plugins import PluginError
from bench.procurement.addresses import in_unit_of, parsed
from bench.procurement.candidates import Candidate, is_formal
from bench.procurement.values import gate_value, holds_q999, record_of
from bench.records.listing import GateState, Limit, Remark
from bench.records.policy import Gate, Policy
from bench.records.untrusted import BadFile
from bench.submission.claims import is_of_suite

_SOUND = frozenset({"command", "recognise"})


def limits(
    candidate: Candidate, policy: Policy, expires_on: datetime.date, on: datetime.date, repetitions: int
) -> tuple[Limit, ...]:
    """Every gate with its verdict: those of `admission` first, then those of the policy.

    `repetitions` is the least that any term has.
    """
    conditions = conditions_of(candidate, policy, expires_on, on, repetitions)
    return (*conditions, *(limit_of(candidate, gate) for gate in policy.gates))


def conditions_of(
    candidate: Candidate, policy: Policy, expires_on: datetime.date, on: datetime.date, repetitions: int
) -> tuple[Limit, ...]:
    """The gates that ask what kind of result it is, and who stands for it: all but the limits on measured values."""
    return (*admission_of(candidate, policy, repetitions), *_standing(candidate, expires_on, on))


def admission_of(candidate: Candidate, policy: Policy, repetitions: int) -> Iterator[Limit]:
    """What kind of result it is, against what the policy admits."""
    asked, claims = policy.admission, candidate.claims.values()
    yield _one("mode", asked.modes, {candidate.run.plan.mode})
    yield _one("origin", asked.origins, {claim.origin for claim in claims})
    if asked.division == "closed":
        yield _one("division", ("closed",), {claim.division for claim in claims})
    if asked.both_senses:
        yield _one("both-senses", ("sound", "vision"), _senses(candidate), every=True)
    if asked.quality == "q999":
        yield _quality_class(candidate, policy)
    enough: GateState = "met" if repetitions >= asked.repetitions else "not-met"
    yield Limit(gate="repetitions", required=f">= {asked.repetitions}", seen=str(repetitions), state=enough)


def _standing(candidate: Candidate, expires_on: datetime.date, on: datetime.date) -> Iterator[Limit]:
    """Who stands for it, and whether it still holds."""
    verified: GateState = "unverified" if candidate.verified is None else "met" if candidate.verified else "not-met"
    yield Limit(gate="verified", required="conforms", seen=str(len(candidate.violations)), state=verified)
    seen: set[str] = {claim.attestation for claim in candidate.claims.values()}
    if candidate.entered is not None:
        seen.add(candidate.entered.accepted.standing)
    state: GateState = "met" if is_formal(candidate) else "not-met"
    yield Limit(gate="attestation", required="attested, formal", seen=", ".join(sorted(seen)) or "-", state=state)
    if candidate.entered is not None:
        yield _one("status", ("initial", "changed"), {candidate.entered.status})
    state = "met" if on <= expires_on else "not-met"
    yield Limit(gate="expiry", required=f">= {on}", seen=str(expires_on), state=state)


def _one(gate: str, allowed: tuple[str, ...], seen: set[str], every: bool = False) -> Limit:
    met = seen >= set(allowed) if every else bool(seen) and seen <= set(allowed)
    return Limit(
        gate=gate, required=", ".join(allowed), seen=", ".join(sorted(seen)) or "-", state="met" if met else "not-met"
    )


def _quality_class(candidate: Candidate, policy: Policy) -> Limit:
    """Whether every term's answers hold class q999, as far as the evaluation set can show it."""
    found: dict[str, GateState] = {}
    for term in policy.terms:
        record = record_of(candidate, parsed(term.metric), term.timed_region)
        if isinstance(record, Remark):
            found[term.metric] = "unverified"
        else:
            held = holds_q999(record.quality)
            found[record.measurement.name] = "unverified" if held is None else "met" if held else "not-met"
    worst: GateState = next((state for state in ("not-met", "unverified") if state in found.values()), "met")
    seen = ", ".join(sorted(name for name, state in found.items() if state == worst)) if worst != "met" else "q999"
    return Limit(gate="quality-class", required="q999", seen=seen, state=worst)


def _senses(candidate: Candidate) -> set[str]:
    """What the valid results of passed quality are of."""
    return {
        sense
        for record in candidate.records.values()
        if record.valid and record.quality is not None and record.quality.passed is True
        if (sense := _sense(record.measurement.workload)) is not None
    }


@functools.cache
def _sense(workload: str) -> str | None:
    """Pictures or sound; None for what is not the suite's own. Asked once: finding a workload takes milliseconds."""
    if not is_of_suite(workload):
        return None
    try:
        return "sound" if load_workload(workload).spec.task in _SOUND else "vision"
    except (PluginError, BadFile):
        return None


def limit_of(candidate: Candidate, gate: Gate) -> Limit:
    """A limit on a measured value, unrounded; guarded, it must lie outside the interval."""
    address = parsed(gate.metric)
    required = f"{gate.op} {gate.limit:g} {gate.unit}" + (" *" if gate.guarded else "")
    found = gate_value(candidate, address, gate.timed_region)
    if isinstance(found, Remark):
        seen = " ".join(part for part in (found.code, found.subject, found.seen) if part)
        return Limit(gate=gate.metric, required=required, seen=seen, state="unverified")
    value, interval = found
    limit = in_unit_of(address, gate.limit, gate.unit)
    low, high = (interval.low, interval.high) if interval is not None else (value, value)
    judged = value if not gate.guarded else low if gate.op == ">=" else high
    state: GateState = "met" if (judged >= limit if gate.op == ">=" else judged <= limit) else "not-met"
    if gate.guarded and interval is None:
        state = "unverified"  # nothing says how sure the value is
    return Limit(
        gate=gate.metric,
        required=required,
        seen=f"{value!r} [{low!r}, {high!r}]" if interval is not None else repr(value),
        state=state,
        value=value,
        low=interval.low if interval is not None else None,
        high=interval.high if interval is not None else None,
        near=interval is not None and low <= limit <= high,
    )
