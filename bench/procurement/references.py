"""Whether the run that a policy forms its ratios with holds what the policy asks of everybody."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bench.procurement.candidates import Candidate
from bench.procurement.gates import admission_of, limit_of
from bench.procurement.values import TermValue, term_value
from bench.records.policy import Fault, Policy

_ROUNDING = 1e-9  # of values that were written as decimals


def reference_faults(policy: Policy, reference: Candidate, sha256: str) -> Iterator[Fault]:
    """What is wrong with the run that `policy.reference` names; `sha256` is that of its `run.json` now.

    It must be that run, with those values, and hold the admission and every gate. Who stands for it is not asked.
    """
    if sha256 != policy.reference.sha256:
        expected = policy.reference.sha256 or ""
        yield Fault(code="reference-other", subject="reference.sha256", seen=sha256, expected=expected)
    found = [term_value(reference, term, policy) for term in policy.terms]
    for term, value in zip(policy.terms, found, strict=True):
        if not isinstance(value, TermValue):
            yield Fault(code="reference-unusable", subject=term.metric, seen=value.code, expected=value.subject)
        elif not math.isclose(value.value, policy.reference.values[term.metric], rel_tol=_ROUNDING):
            said = f"{policy.reference.values[term.metric]!r}"
            yield Fault(code="reference-value", subject=term.metric, seen=said, expected=repr(value.value))
    repetitions = min((value.repetitions for value in found if isinstance(value, TermValue)), default=0)
    for limit in (
        *admission_of(reference, policy, repetitions),
        *(limit_of(reference, gate) for gate in policy.gates),
    ):
        if limit.state != "met":
            yield Fault(code="reference-gate", subject=limit.gate, seen=limit.seen, expected=limit.required)
