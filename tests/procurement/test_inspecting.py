"""Verdicts of a test report, against cases worked out by hand."""

from __future__ import annotations

import dataclasses
import datetime
import hashlib
import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.procurement.candidates import Candidate, read
from bench.procurement.inspecting import claimed, inspection, raw_files
from bench.records.inspection import Inspected, Inspection
from bench.records.listing import Remark
from bench.records.numbers import Interval, Measured
from bench.records.particulars import Particulars
from bench.records.policy import Admission, Gate, Policy
from bench.records.record import Quality

from .made import COMMAND, OFFLINE, RUN, VOID, candidate, drawn, folder_of, policy

QUALITY = "image_classify.offline.quality"


def gate(op: str, limit: float, unit: str = "1/s", guarded: bool = False, metric: str = OFFLINE) -> Gate:
    return Gate(metric=metric, op=op, limit=limit, unit=unit, guarded=guarded)  # type: ignore[arg-type]


def inspected(made: Candidate, *gates: Gate, **changes: Any) -> Inspection:
    rules = policy(gates=gates, **changes)
    return inspection(made, (), Particulars(), (rules, "0" * 64), datetime.date(2026, 11, 25))


def measured(value: float, low: float, high: float, **changes: Any) -> Candidate:
    """A formal submission whose throughput has that value and interval."""
    made = candidate(1, drawn(1))
    interval = Interval(low=low, high=high, confidence=0.95, kind="repetitions-t")
    metrics = {"samples_per_s": Measured(value=value, interval=interval)}
    return of_offline(made, metrics=metrics, **changes)


def of_offline(made: Candidate, **changes: Any) -> Candidate:
    records = {
        name: msgspec.structs.replace(record, **changes) if name.startswith("image_classify.offline") else record
        for name, record in made.records.items()
    }
    return dataclasses.replace(made, records=records)


def line(found: Inspection, metric: str = "samples_per_s") -> Inspected:
    (one,) = [item for item in found.items if item.metric == metric and item.requirement is not None][:1]
    return one


# value, low, high, operator, limit, guarded -> verdict, near the limit
CASES = [
    (100.0, 98.0, 102.0, ">=", 90.0, False, "conforms", False),
    (100.0, 98.0, 102.0, ">=", 90.0, True, "conforms", False),
    (100.0, 98.0, 102.0, ">=", 99.0, False, "conforms", True),
    (100.0, 98.0, 102.0, ">=", 99.0, True, "violates", True),
    (100.0, 98.0, 102.0, ">=", 101.0, False, "violates", True),
    (100.0, 98.0, 102.0, ">=", 103.0, True, "violates", False),
    (100.0, 98.0, 102.0, "<=", 101.0, False, "conforms", True),
    (100.0, 98.0, 102.0, "<=", 101.0, True, "violates", True),
    (100.0, 98.0, 102.0, "<=", 102.0, True, "conforms", True),
    (100.0, 98.0, 102.0, ">=", 100.0, False, "conforms", True),
    # Rounded to four digits this would be the limit: the full value is compared.
    (99.99999, 99.99998, 100.0 - 5e-6, ">=", 100.0, False, "violates", False),
]


@pytest.mark.parametrize(("value", "low", "high", "op", "limit", "guarded", "verdict", "near"), CASES)
def test_a_line_is_judged_by_its_full_value(
    value: float, low: float, high: float, op: str, limit: float, guarded: bool, verdict: str, near: bool
) -> None:
    found = inspected(measured(value, low, high), gate(op, limit, guarded=guarded))
    assert (line(found).judgement, line(found).near) == (verdict, near)
    assert found.conclusion == {"conforms": "passed", "violates": "failed"}[verdict]


def test_57_of_100_reach_57_percent() -> None:
    """57 × 0.01 is more than 0.57 in binary."""
    quality = Quality(metric="top1", samples=100, evaluation_samples=100, value=0.57, passed=True)
    found = inspected(of_offline(candidate(1, drawn(1)), quality=quality), gate(">=", 57.0, "%", metric=QUALITY))
    assert line(found, "quality").judgement == "conforms"


def test_without_a_policy_nothing_is_concluded() -> None:
    found = inspection(candidate(1, drawn(1)), (), Particulars(), None, None)
    assert found.conclusion == "not-judged"
    assert [one.code for one in found.reasons] == ["no-policy"]
    figures = [item for item in found.items if item.metric != "quality"]
    assert {(item.judgement, item.value is not None) for item in figures} == {
        ("not-applicable", True),
        ("unchecked", False),
    }
    assert found.conditions == ()
    assert found.as_of == found.tested_until.date()


def test_a_policy_without_limits_concludes_nothing() -> None:
    assert inspected(candidate(1, drawn(1))).conclusion == "not-judged"


def test_a_self_test_is_never_a_pass_and_may_be_a_failure() -> None:
    own = candidate(1, drawn(1), formal=False)
    found = inspected(own, gate(">=", 50.0))
    assert (found.category, found.conclusion) == ("self-test", "not-judged")
    assert {one.subject for one in found.reasons} == {"verified", "attestation"}
    assert line(found).judgement == "conforms"
    assert inspected(own, gate(">=", 500.0)).conclusion == "failed"


def test_data_that_contradict_themselves_conclude_nothing_even_if_they_fail() -> None:
    forged = dataclasses.replace(
        candidate(1, drawn(1)), verified=False, violations=(Remark(code="violation", subject="figures x"),)
    )
    found = inspected(forged, gate(">=", 500.0))
    assert (found.conclusion, found.category) == ("not-judged", "self-test")
    assert [one.code for one in found.reasons] == ["violation"]


def test_void_figures_are_not_judged() -> None:
    made = of_offline(candidate(1, drawn(1)), findings=(VOID,))
    found = inspected(made, gate(">=", 1.0))
    assert (line(found).judgement, line(found).unverified) == ("unchecked", True)
    assert [one.code for one in line(found).remarks] == ["invalid"]
    assert found.conclusion == "not-judged"
    assert all(item.unverified for item in found.items if item.measurement.startswith("image_classify.offline"))


def test_figures_of_unproven_quality_are_marked() -> None:
    quality = Quality(metric="top1", samples=0, evaluation_samples=0)
    found = inspected(of_offline(candidate(1, drawn(1)), quality=quality), gate(">=", 1.0))
    assert (line(found).judgement, line(found).unverified) == ("unchecked", True)
    quality_line = next(item for item in found.items if item.metric == "quality" and item.unverified)
    assert quality_line.judgement == "unchecked"


def test_wrong_answers_fail_the_product() -> None:
    quality = Quality(metric="top1", samples=10, evaluation_samples=10, value=0.5, target=0.9, passed=False)
    found = inspected(of_offline(candidate(1, drawn(1)), quality=quality), gate("<=", 20.0, "ms", metric=COMMAND))
    assert found.conclusion == "failed"
    assert [(one.subject, one.seen) for one in found.reasons] == [("image_classify.offline.fp32", "quality")]


def test_a_guarded_limit_without_an_interval_is_not_checked() -> None:
    made = of_offline(candidate(1, drawn(1)), metrics={"samples_per_s": Measured(value=100.0)})
    found = inspected(made, gate(">=", 1.0, guarded=True))
    assert line(found).judgement == "unchecked"
    assert [one.code for one in line(found).remarks] == ["no-interval"]
    assert inspected(made, gate(">=", 1.0)).conclusion == "passed"


def test_what_was_not_measured_is_not_checked() -> None:
    found = inspected(candidate(1, drawn(1)), gate(">=", 1.0, metric="object_detect.offline.samples_per_s"))
    assert line(found).judgement == "unchecked"
    assert line(found).measurement == "object_detect.offline"
    assert found.conclusion == "not-judged"


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({"admission": Admission(modes=("certified",))}, "mode"),
        ({"admission": Admission(modes=("standard",), repetitions=6)}, "repetitions"),
        ({"valid_months": 1}, None),
    ],
)
def test_every_condition_must_be_met_for_a_pass(changes: dict[str, Any], condition: str | None) -> None:
    found = inspected(candidate(1, drawn(1)), gate(">=", 50.0), **changes)
    assert [one.subject for one in found.reasons] == ([condition] if condition else [])
    assert found.conclusion == ("not-judged" if condition else "passed")


def test_an_expired_result_is_no_pass() -> None:
    rules: Policy = policy(gates=(gate(">=", 50.0),), valid_months=1)
    late = inspection(candidate(1, drawn(1)), (), Particulars(), (rules, ""), datetime.date(2027, 1, 1))
    assert [one.subject for one in late.reasons] == ["expiry"]


def test_two_limits_on_one_figure_are_two_lines_and_the_figure_has_no_third() -> None:
    found = inspected(candidate(1, drawn(1)), gate(">=", 50.0), gate("<=", 60.0))
    lines = [item for item in found.items if item.metric == "samples_per_s"]
    assert [item.judgement for item in lines] == ["conforms", "violates"]
    assert found.conclusion == "failed"


def test_other_suites_and_looks_are_not_judged() -> None:
    quick = dataclasses.replace(
        candidate(1, drawn(1)),
        run=msgspec.structs.replace(RUN, plan=msgspec.structs.replace(RUN.plan, mode="quick")),
    )
    found = inspected(quick, gate(">=", 1000.0))
    assert (found.conclusion, found.reasons[0].code) == ("not-judged", "quick")
    assert inspected(candidate(1, drawn(1)), gate(">=", 1.0), suite_version="9").reasons[0].code == "other-suite"


def test_files_of_a_folder_are_those_that_sha256sum_sees(tmp_path: Path) -> None:
    folder = folder_of(candidate(1, drawn(1)), tmp_path)
    found = read(folder, None)
    assert isinstance(found, Candidate)
    files = raw_files(found)
    assert len(files) > 10
    said = subprocess.run(
        ["sha256sum", *(one.name for one in files)], cwd=folder, capture_output=True, text=True, check=True
    ).stdout
    assert said == "".join(f"{one.sha256}  {one.name}\n" for one in files)
    for one in files:
        assert one.sha256 == hashlib.sha256((folder / one.name).read_bytes()).hexdigest()
    assert {one.size for one in files} == {(folder / one.name).stat().st_size for one in files}


def test_records_are_what_signatures_say_and_not_what_they_say_themselves() -> None:
    boasting = of_offline(candidate(1, drawn(1), formal=False), attestation="attested")
    assert {record.attestation for record in claimed(boasting)} == {"self"}
    assert {record.attestation for record in claimed(candidate(1, drawn(1)))} == {"attested"}


def test_the_span_of_the_test_holds_every_repetition() -> None:
    found = inspected(candidate(1, drawn(1)))
    assert found.tested_from <= found.tested_until
