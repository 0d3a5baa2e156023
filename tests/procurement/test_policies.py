"""Policies: what the checker says of wrong ones, the templates, and rounding."""

from __future__ import annotations

import datetime
from decimal import ROUND_HALF_EVEN, Context
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.procurement.checking import faults
from bench.procurement.policies import NoPolicy, read_policy, sectors, shipped, template, with_reference
from bench.records.metrics import METRICS
from bench.records.policy import Admission, Gate, Policy, Reference, Term
from bench.records.untrusted import BadFile
from bench.text import LANGUAGES
from bench.text.figures import significant
from bench.text.listing import fault_text

from .made import COMMAND, OFFLINE, candidate, policy

GOOD = policy()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"suite_version": "9"}, "other-suite"),
        ({"valid_until": datetime.date(2025, 1, 1)}, "ends-before"),
        ({"admission": Admission(modes=())}, "nothing-admitted"),
        ({"admission": Admission(modes=("certified", "mlperf"))}, "never-ranked"),
        ({"admission": Admission(origins=("measured", "mlperf-import"))}, "never-ranked"),
        ({"terms": ()}, "no-terms"),
        ({"terms": (Term(metric=OFFLINE, weight=1.5), Term(metric=COMMAND, weight=-0.5))}, "weight"),
        ({"terms": (Term(metric=OFFLINE, weight=0.6), Term(metric=COMMAND, weight=0.3))}, "weights-sum"),
        ({"terms": (Term(metric=OFFLINE, weight=0.5), Term(metric=OFFLINE, weight=0.5))}, "twice"),
        ({"terms": (Term(metric="samples_per_s", weight=1.0),)}, "address"),
        ({"terms": (Term(metric="image_clasify.offline.samples_per_s", weight=1.0),)}, "unknown-workload"),
        ({"terms": (Term(metric="image_classify.ofline.samples_per_s", weight=1.0),)}, "unknown-scenario"),
        ({"terms": (Term(metric="image_classify.offline.samples", weight=1.0),)}, "unknown-metric"),
        ({"terms": (Term(metric="image_classify.offline.quality", weight=1.0),)}, "unknown-metric"),
        ({"gates": (Gate(metric=OFFLINE, op=">=", limit=1, unit="ms"),)}, "unit"),
        ({"gates": (Gate(metric="image_classify.offline.quality", op=">=", limit=97, unit="1"),)}, "limit"),
        (
            {
                "gates": (
                    Gate(metric=COMMAND, op=">=", limit=30, unit="ms"),
                    Gate(metric=COMMAND, op="<=", limit=20000, unit="us"),
                )
            },
            "contradiction",
        ),
        ({"reference": Reference(system="s", values={OFFLINE: 1.0})}, "reference-lacks"),
        ({"reference": Reference(system="s", run_id="r", values=GOOD.reference.values)}, "reference-half"),
        ({"pareto": (OFFLINE, OFFLINE)}, "twice"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, object], code: str) -> None:
    assert faults(GOOD) == []
    found = faults(msgspec.structs.replace(GOOD, **changes))
    assert code in {fault.code for fault in found}
    for lang in LANGUAGES:
        assert all("\n" not in fault_text(lang, fault) for fault in found)


def test_a_wrong_name_is_answered_with_the_right_one() -> None:
    (fault, _) = faults(policy(terms=(Term(metric="image_clasify.offline.samples_per_s", weight=1.0),)))
    assert fault.expected == "image_classify"


@pytest.mark.parametrize("sector", sectors())
def test_every_template_is_good(sector: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(template(sector), encoding="utf-8")
    read, sha256 = read_policy(file)
    assert faults(read) == []
    assert read.sector == sector
    assert len(sha256) == 64
    file.write_text(template(sector) + "\n", encoding="utf-8")
    assert read_policy(file)[1] != sha256


def test_the_sectors_of_the_field_have_templates() -> None:
    assert {"finance", "public_safety", "rail_transit", "logistics", "industry"} < set(sectors())
    with pytest.raises(NoPolicy, match="Did you mean 'finance'"):
        template("finence")


@pytest.mark.parametrize("text", ["schema = 2", "alpha = 0.05\nalfa = 1", "limit = inf", "\x00", "terms = 3"])
def test_files_that_are_no_policy_are_told(text: str, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    with pytest.raises(BadFile):
        read_policy(file)


def test_a_reference_is_what_a_run_measured() -> None:
    metric = "object_detect.offline.samples_per_s"
    one = candidate(1, {metric: [50.0, 50.0], OFFLINE: [90.0, 90.0]})
    text = with_reference("logistics", one.run, list(one.records.values()), "0" * 64, 'a "quoted" system')
    read = msgspec.toml.decode(text.encode(), type=Policy)
    assert faults(read) == []
    assert read.reference.values == {metric: pytest.approx(50.0), OFFLINE: pytest.approx(90.0)}
    assert read.reference.system == 'a "quoted" system'
    with pytest.raises(NoPolicy, match="no valid value of"):
        with_reference("finance", one.run, list(one.records.values()), "0" * 64, "s")


def test_weights_of_templates_sum_to_one_exactly_enough() -> None:
    for sector in sectors():
        assert sum(term.weight for term in shipped(sector).terms) == pytest.approx(1.0, abs=1e-12)


@given(st.floats(1e-9, 1e12), st.integers(2, 9))
def test_rounding_is_that_of_the_standard(value: float, digits: int) -> None:
    from decimal import Decimal

    expected = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(Decimal(repr(value)))
    assert Decimal(significant(value, digits)) == expected


@pytest.mark.parametrize(
    ("value", "shown"), [(0.5, "0.50"), (2.25, "2.2"), (2.35, "2.4"), (-1.25, "-1.2"), (12500.0, "12000"), (0.0, "0")]
)
def test_halves_go_to_the_even_digit(value: float, shown: str) -> None:
    assert significant(value, 2) == shown


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_can_be_a_gate(metric: str) -> None:
    unit = METRICS[metric].unit
    assert faults(policy(gates=(Gate(metric=f"image_classify.offline.{metric}", op="<=", limit=1.0, unit=unit),))) == []
