"""Whether a policy's reference holds its policy, and what class q999 takes."""

from __future__ import annotations

import msgspec
import pytest

from bench.procurement.candidates import Candidate
from bench.procurement.listing import listing
from bench.procurement.references import reference_faults
from bench.procurement.values import holds_q999
from bench.records.numbers import Interval, PairedCounts
from bench.records.policy import Admission, Gate, Policy, Reference
from bench.records.record import Quality
from bench.scoring.quality import quality_verdict, samples_needed
from bench.text import LANGUAGES
from bench.text.listing import fault_text

from .made import COMMAND, DAY, OFFLINE, VOID, candidate, drawn, policy

SHA = "a" * 64


def rules_for(one: Candidate, **changes: object) -> Policy:
    """A policy whose reference is that candidate."""
    values = {
        f"{record.measurement.workload}.{record.measurement.scenario}.{metric}": figure.value
        for record in one.records.values()
        for metric, figure in record.metrics.items()
    }
    reference = Reference(system="s", run_id=one.run.run_id, sha256=SHA, values=values)  # type: ignore[arg-type]
    return policy(**{"reference": reference, **changes})


def codes(rules: Policy, one: Candidate, sha256: str = SHA) -> list[tuple[str, str]]:
    found = list(reference_faults(rules, one, sha256))
    for lang in LANGUAGES:
        assert all(fault_text(lang, fault) for fault in found)
    return [(fault.code, fault.subject) for fault in found]


def test_a_reference_that_holds_its_policy_has_no_fault() -> None:
    one = candidate(1, drawn(1), formal=False)  # who stands for it is not asked
    assert codes(rules_for(one), one) == []


def test_what_a_reference_does_not_hold_is_named() -> None:
    one = candidate(1, drawn(1))
    strict = Gate(metric=COMMAND, op="<=", limit=1.0, unit="ms")
    assert codes(rules_for(one, gates=(strict,)), one) == [("reference-gate", COMMAND)]
    assert codes(rules_for(one, admission=Admission()), one) == [("reference-gate", "mode")]
    scripted = candidate(1, drawn(1), origin="synthetic")
    assert codes(rules_for(scripted), scripted) == [("reference-gate", "origin")]
    few = candidate(1, drawn(1, k=3))
    assert codes(rules_for(few), few) == [("reference-gate", "repetitions")]


def test_another_run_or_other_values_are_no_reference() -> None:
    one, other = candidate(1, drawn(1)), candidate(2, drawn(2))
    assert codes(rules_for(one), one, "b" * 64) == [("reference-other", "reference.sha256")]
    assert codes(rules_for(one), other) == [("reference-value", OFFLINE), ("reference-value", COMMAND)]
    void = candidate(1, drawn(1), changes={"findings": (VOID,)})
    assert ("reference-unusable", OFFLINE) in codes(rules_for(one), void)


def quality(samples: int, lost: int, metric: str = "top1") -> Quality:
    """Answers of which the reference has all right, and the candidate all but some."""
    import numpy as np

    reference = np.ones(samples, np.bool_)
    answers = reference.copy()
    answers[:lost] = False
    verdict = quality_verdict(answers, reference, target=0.9, share=0.99)
    return Quality(
        metric=metric, samples=samples, evaluation_samples=samples, value=verdict.value, verdict=verdict, passed=True
    )


def test_q999_is_formed_only_where_the_samples_carry_it() -> None:
    enough = samples_needed(0.999, 1.0)
    assert holds_q999(quality(2000, 0)) is None
    assert holds_q999(quality(enough - 1000, 0)) is None
    assert holds_q999(quality(enough + 100, 0)) is True
    assert holds_q999(quality(enough + 100, enough // 2000)) is True  # a twentieth of a hundredth lost
    assert holds_q999(quality(enough + 100, enough // 500)) is False
    assert holds_q999(quality(enough + 100, 0, metric="tar")) is None  # people are fewer than pairs
    assert holds_q999(None) is None
    assert holds_q999(msgspec.structs.replace(quality(enough + 100, 0), passed=False)) is False


@pytest.mark.parametrize(("samples", "state"), [(1000, "unverified"), (300_000, "met")])
def test_a_policy_may_ask_for_q999(samples: int, state: str) -> None:
    one = candidate(1, drawn(1), changes={"quality": quality(samples, 0)})
    rules = policy(admission=Admission(modes=("standard",), quality="q999"))
    (row,) = listing(rules, "0" * 64, [one], DAY, {}).rows
    (gate,) = [gate for gate in row.gates if gate.gate == "quality-class"]
    assert (gate.state, row.eligible) == (state, state == "met")
    plain = listing(policy(), "0" * 64, [one], DAY, {}).rows[0]
    assert "quality-class" not in {gate.gate for gate in plain.gates}


@pytest.mark.parametrize("value", [1e-30, 1e-12, 5e-324 * 1e300])
def test_tiny_references_give_finite_ratios_and_the_same_places(value: float) -> None:
    found = [candidate(1, drawn(1)), candidate(2, drawn(2, speed=1.3))]
    tiny = policy(reference=Reference(system="constants", values={OFFLINE: max(value, 1e-30), COMMAND: 1e-30}))
    rows, usual = listing(tiny, "0" * 64, found, DAY, {}).rows, listing(policy(), "0" * 64, found, DAY, {}).rows
    assert [row.place.place for row in rows if row.place] == [row.place.place for row in usual if row.place] == [2, 1]
    assert all(0.0 < term.ratio < float("inf") for row in rows for term in row.terms)
    assert msgspec.json.decode(msgspec.json.encode(rows[0]), type=type(rows[0])) == rows[0]


@pytest.mark.parametrize("value", [0.0, -1.0, 1e-31, 1e31])
def test_values_that_no_ratio_can_be_formed_of_are_no_reference(value: float) -> None:
    with pytest.raises(msgspec.ValidationError, match=r"reference\.values"):
        msgspec.convert(
            {**msgspec.to_builtins(policy()), "reference": {"system": "s", "values": {OFFLINE: value}}}, Policy
        )


def test_intervals_of_made_up_counts_are_what_the_class_is_judged_by() -> None:
    """The lower end decides, not the value: as many lost, twice the samples."""
    kept = quality(400_000, 300)
    assert kept.verdict is not None
    assert kept.verdict.counts == PairedCounts(both=399_700, gained=0, lost=300, neither=0)
    wide = Interval(low=-0.0011, high=0.0, confidence=0.9, kind="newcombe-paired")
    assert holds_q999(kept) is True
    assert (
        holds_q999(msgspec.structs.replace(kept, verdict=msgspec.structs.replace(kept.verdict, difference=wide)))
        is False
    )
