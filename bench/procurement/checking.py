"""What is wrong with a policy, each fault by its place; a policy with one is not used."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from bench import __version__
from bench.models.suite import GROUP
from bench.plugins import plugin_names
from bench.procurement.addresses import in_unit_of, parse, units_of
from bench.records.metrics import METRICS
from bench.records.plan import SCENARIOS
from bench.records.policy import QUALITY, Fault, Gate, Policy
from bench.submission.claims import is_of_suite

_ROUNDING = 1e-9  # of a sum of weights, which are decimal fractions


def faults(policy: Policy) -> list[Fault]:
    """Everything that is wrong with it, in the order of the file."""
    return [*_round(policy), *_terms(policy), *_gates(policy.gates), *_reference(policy), *_pareto(policy)]


def _round(policy: Policy) -> Iterator[Fault]:
    if policy.suite_version != __version__:
        yield Fault(code="other-suite", subject="suite_version", seen=policy.suite_version, expected=__version__)
    if policy.valid_until < policy.valid_from:
        yield Fault(
            code="ends-before", subject="valid_until", seen=str(policy.valid_until), expected=str(policy.valid_from)
        )
    if not policy.admission.modes:
        yield Fault(code="nothing-admitted", subject="admission.modes")
    if "mlperf" in policy.admission.modes:
        # Made for its checker: one repetition, its rules for what is valid, and no journal that would bind it.
        yield Fault(code="never-ranked", subject="admission.modes", seen="mlperf")
    if not policy.admission.origins:
        yield Fault(code="nothing-admitted", subject="admission.origins")
    if "mlperf-import" in policy.admission.origins:
        yield Fault(code="never-ranked", subject="admission.origins", seen="mlperf-import")


def _terms(policy: Policy) -> Iterator[Fault]:
    if not policy.terms:
        yield Fault(code="no-terms", subject="terms")
        return
    for index, term in enumerate(policy.terms):
        place = f"terms[{index}]"
        yield from _address(term.metric, place, quality=False)
        if not 0.0 < term.weight <= 1.0:
            yield Fault(code="weight", subject=f"{place}.weight", seen=str(term.weight))
    total = sum(term.weight for term in policy.terms)
    if abs(total - 1.0) > _ROUNDING:
        yield Fault(code="weights-sum", subject="terms", seen=f"{total:.10g}", expected="1")
    yield from _twice((term.metric for term in policy.terms), "terms")


def _twice(names: Iterable[str], subject: str) -> Iterator[Fault]:
    yield from (Fault(code="twice", subject=subject, seen=name) for name, n in Counter(names).items() if n > 1)


def _address(text: str, place: str, quality: bool) -> list[Fault]:
    address = parse(text)
    if address is None:
        return [Fault(code="address", subject=place, seen=text, expected="workload.scenario.metric")]
    known = (
        ("unknown-scenario", address.scenario, list(SCENARIOS)),
        ("unknown-metric", address.metric, [*METRICS, QUALITY] if quality else list(METRICS)),
    )
    found = [
        Fault(code=code, subject=place, seen=seen, expected=_nearest(seen, names))
        for code, seen, names in known
        if seen not in names
    ]
    if is_of_suite(address.workload):
        return found
    # Which ones there are is asked only here: each question goes through all that is installed.
    workloads = [name for name in plugin_names(GROUP) if is_of_suite(name)]
    expected = _nearest(address.workload, workloads)
    return [Fault(code="unknown-workload", subject=place, seen=address.workload, expected=expected), *found]


def _nearest(name: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return near[0] if near else ", ".join(known)


def _gates(gates: Sequence[Gate]) -> Iterator[Fault]:
    limits: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for index, gate in enumerate(gates):
        place = f"gates[{index}]"
        wrong = _address(gate.metric, place, quality=True)
        yield from wrong
        address = parse(gate.metric)
        if wrong or address is None:
            continue
        if gate.unit not in units_of(address.unit):
            expected = ", ".join(units_of(address.unit))
            yield Fault(code="unit", subject=f"{place}.unit", seen=gate.unit, expected=expected)
            continue
        limit = in_unit_of(address, gate.limit, gate.unit)
        if limit < 0.0 or (address.unit == "1" and limit > 1.0):
            yield Fault(code="limit", subject=f"{place}.limit", seen=f"{gate.limit:g} {gate.unit}")
        limits.setdefault((gate.metric, gate.timed_region), []).append((gate.op, limit))
    for (metric, _), bounds in limits.items():
        least = max((limit for op, limit in bounds if op == ">="), default=None)
        most = min((limit for op, limit in bounds if op == "<="), default=None)
        if least is not None and most is not None and least > most:
            yield Fault(code="contradiction", subject=metric, seen=f">= {least:g}", expected=f"<= {most:g}")


def _reference(policy: Policy) -> Iterator[Fault]:
    yield from (
        Fault(code="reference-lacks", subject="reference.values", seen=term.metric)
        for term in policy.terms
        if term.metric not in policy.reference.values
    )
    if (policy.reference.run_id is None) != (policy.reference.sha256 is None):
        yield Fault(code="reference-half", subject="reference")


def _pareto(policy: Policy) -> Iterator[Fault]:
    for index, metric in enumerate(policy.pareto):
        yield from _address(metric, f"pareto[{index}]", quality=True)
    yield from _twice(policy.pareto, "pareto")
