"""From submissions to a list: tables, gates, ranks, and everything that keeps a result out of them."""

from __future__ import annotations

import dataclasses
import datetime
import math
from typing import Literal

import msgspec
import pytest
from scipy import stats

from bench.procurement.candidates import Candidate, Entered, Unreadable
from bench.procurement.listing import listing
from bench.records.listing import Listing, Row
from bench.records.policy import Gate, Policy, Term
from bench.records.registry import Accepted, Status

from .made import COMMAND, DAY, OFFLINE, VOID, candidate, drawn, policy, record


def made(*found: object, rules: Policy | None = None, on: datetime.date = DAY) -> Listing:
    return listing(rules or policy(), "0" * 64, list(found), on, {})  # type: ignore[arg-type]


def codes(row: Row) -> set[str]:
    return {remark.code for remark in row.remarks}


def test_the_faster_of_two_is_first_and_how_sure_that_is_stands_beside_it() -> None:
    result = made(candidate(1, drawn(1)), candidate(2, drawn(2, speed=1.2)))
    slow, fast = result.rows
    assert slow.place
    assert fast.place
    assert (fast.place.place, fast.place.last, slow.place.place, slow.place.last) == (1, 1, 2, 2)
    assert fast.eligible
    assert slow.eligible
    assert fast.table == slow.table == "formal"
    assert fast.place.low < 1.2 < fast.place.high
    (pair,) = result.rankings[0].pairs
    assert (pair.better, pair.worse, pair.practical) == (2, 1, True)
    assert pair.gap == pytest.approx(0.2, abs=0.02)
    assert fast.on_pareto_front
    assert not slow.on_pareto_front


def test_the_composite_is_the_weighted_geometric_mean_of_the_ratios() -> None:
    figures = drawn(7, speed=1.3)
    (row,) = made(candidate(1, figures)).rows
    assert row.place
    ratios = (stats.gmean(figures[OFFLINE]) / 100.0, 1e7 / stats.gmean(figures[COMMAND]))
    assert [term.ratio for term in row.terms] == pytest.approx(ratios)
    assert row.place.score == pytest.approx(ratios[0] ** 0.6 * ratios[1] ** 0.4)
    spread = math.fsum(one.variance for one in row.budget if one.variance is not None)
    assert spread > 0.0
    assert "host-to-host" in {one.source for one in row.budget if one.variance is None}


def test_identical_systems_share_a_place() -> None:
    result = made(*(candidate(number, drawn(number)) for number in range(1, 8)))
    assert {row.place.place for row in result.rows if row.place} == {1}
    assert not [pair for pair in result.rankings[0].pairs if pair.practical]


def test_a_gate_is_never_made_up_for_by_a_score() -> None:
    rules = policy(gates=(Gate(metric=COMMAND, op="<=", limit=5.0, unit="ms"),))
    fast, slow = made(candidate(1, drawn(1, speed=1.9)), candidate(2, drawn(2, speed=2.5)), rules=rules).rows
    assert not fast.eligible
    assert fast.place is None
    assert slow.eligible
    assert slow.place
    assert slow.place.place == 1
    (gate,) = [gate for gate in fast.gates if gate.gate == COMMAND]
    assert (gate.state, gate.required) == ("not-met", "<= 5 ms")
    assert gate.value == pytest.approx(1e7 / 1.9, rel=0.02)


def test_a_guarded_limit_must_lie_outside_the_interval() -> None:
    figures = drawn(1, scatter=0.05)
    middle = stats.gmean(figures[COMMAND]) * 1.001 / 1e6
    for guarded, state in ((False, "met"), (True, "not-met")):
        gate = Gate(metric=COMMAND, op="<=", limit=middle, unit="ms", guarded=guarded)
        (row,) = made(candidate(1, figures), rules=policy(gates=(gate,))).rows
        assert row.gates[-1].state == state
        assert row.gates[-1].near


def test_a_guarded_limit_without_an_interval_is_not_verified() -> None:
    gate = Gate(metric="image_classify.offline.quality", op=">=", limit=90, unit="%", guarded=True)
    one = candidate(1, drawn(1))
    (row,) = made(one, rules=policy(gates=(gate,))).rows
    assert row.gates[-1].state == "met"
    name = "image_classify.offline.fp32"
    assert one.records[name].quality
    one.records[name] = msgspec.structs.replace(
        one.records[name], quality=msgspec.structs.replace(one.records[name].quality, interval=None)
    )
    (row,) = made(one, rules=policy(gates=(gate,))).rows
    assert row.gates[-1].state == "unverified"
    assert not row.eligible


def test_self_tests_stand_apart_and_are_never_eligible() -> None:
    result = made(candidate(1, drawn(1)), candidate(2, drawn(2, speed=9.0), formal=False))
    formal, own = result.rows
    assert (formal.table, own.table) == ("formal", "self-test")
    assert formal.place
    assert formal.place.place == 1 == formal.place.last
    assert own.place
    assert own.place.place == 1
    assert not own.eligible
    assert [gate.gate for gate in own.gates if gate.state != "met"] == ["verified", "attestation"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"findings": (VOID,)}, "invalid"),
        ({"status": "partial"}, "invalid"),
        ({"quality": None}, "quality-unverified"),
        ({"quality": msgspec.structs.replace(record(OFFLINE, [1.0])[0].quality, passed=False)}, "quality-failed"),
        ({"timed_region": "end_to_end"}, "no-record"),
        ({"metrics": {}}, "no-value"),
    ],
)
def test_what_is_no_result_is_not_assessed(changes: dict[str, object], code: str) -> None:
    (row,) = made(candidate(1, drawn(1), changes=changes)).rows
    assert row.table == "not-assessed"
    assert codes(row) == {code}
    assert row.place is None


def test_a_missing_workload_is_never_zero() -> None:
    (row,) = made(candidate(1, {OFFLINE: [100.0, 101.0, 99.0]})).rows
    assert (row.table, codes(row), row.place) == ("not-assessed", {"no-record"}, None)


@pytest.mark.parametrize(
    ("values", "code"),
    [([100.0], "too-few-repetitions"), ([100.0, 0.0], "not-positive"), ([5.0, -3.0], "not-positive")],
)
def test_figures_without_a_scatter_or_a_logarithm_are_not_assessed(values: list[float], code: str) -> None:
    (row,) = made(candidate(1, {**drawn(1), OFFLINE: values})).rows
    assert codes(row) == {code}


def test_repetitions_without_any_scatter_are_taken_as_they_are() -> None:
    same = {OFFLINE: [100.0] * 5, COMMAND: [1e7] * 5}
    result = made(candidate(1, same), candidate(2, {**same, OFFLINE: [120.0] * 5}), candidate(3, same))
    assert [row.place.place for row in result.rows if row.place] == [2, 1, 2]


def test_of_a_configuration_the_last_run_counts_and_not_the_best() -> None:
    best, last = candidate(1, drawn(1, speed=1.5)), candidate(2, drawn(2))
    for one in (best, last):
        for name, kept in one.records.items():
            one.records[name] = msgspec.structs.replace(kept, config_hash="sha256:same")
    first, second = made(best, last).rows
    assert codes(first) == {"superseded"}
    assert second.place
    assert second.place.place == 1


def test_what_was_handed_in_twice_is_told() -> None:
    one = candidate(1, drawn(1))
    result = made(one, candidate(2, drawn(2, speed=1.2)), one)
    assert [remark.code for remark in result.remarks] == ["twice"]
    assert [row.table for row in result.rows] == ["formal", "formal", "not-assessed"]
    assert [row.place.place for row in result.rows if row.place] == [2, 1]


def test_records_from_before_they_held_repetitions_are_scored_from_these() -> None:
    old, new = candidate(1, drawn(1), changes={"held": False}), candidate(1, drawn(1))
    assert not any(record.repetitions for record in old.records.values())
    assert made(old).rows[0].terms == made(new).rows[0].terms


@pytest.mark.parametrize("origin", ["synthetic", "mlperf-import"])
def test_what_was_not_measured_passes_no_gate(origin: str) -> None:
    (row,) = made(candidate(1, drawn(1), origin=origin)).rows
    assert not row.eligible
    assert next(gate for gate in row.gates if gate.gate == "origin").state == "not-met"


def test_one_sense_is_not_both() -> None:
    rules = policy(terms=(Term(metric=OFFLINE, weight=1.0),), gates=(), pareto=())
    (row,) = made(candidate(1, {OFFLINE: drawn(1)[OFFLINE]}), rules=rules).rows
    gate = next(gate for gate in row.gates if gate.gate == "both-senses")
    assert (gate.state, gate.seen) == ("not-met", "vision")


def test_results_expire() -> None:
    (row,) = made(candidate(1, drawn(1)), on=datetime.date(2027, 11, 21)).rows
    assert (row.state, row.eligible, row.expires_on) == ("expired", False, datetime.date(2027, 11, 20))
    assert made(candidate(1, drawn(1)), on=datetime.date(2026, 11, 20)).rows[0].eligible


def test_violations_unreadable_files_and_other_suites_are_told() -> None:
    other = candidate(2, drawn(2))
    other = msgspec_free(other, suite_version="9.9.9")
    unread, wrong = made(Unreadable(source="a.tar", why="a.tar: torn"), other).rows
    assert codes(unread) == {"unreadable"}
    assert codes(wrong) == {"other-suite"}
    assert made().remarks[0].code == "no-submissions"


def msgspec_free(one: object, **run: object) -> object:
    return dataclasses.replace(one, run=msgspec.structs.replace(one.run, **run))  # type: ignore[type-var,attr-defined]


def test_places_that_hang_on_the_weights_are_told() -> None:
    """One is better at pictures, the other at sound: whoever weighs decides."""
    pictures, sound = drawn(1), drawn(2)
    pictures[OFFLINE] = [1.3 * value for value in pictures[OFFLINE]]
    sound[COMMAND] = [value / 1.42 for value in sound[COMMAND]]
    (ranking, _) = made(candidate(1, pictures), candidate(2, sound)).rankings
    assert [remark.code for remark in ranking.remarks] == ["rank-weight-sensitive"]
    alone = {one.subject: one.places for one in ranking.sensitivity if one.alternative == "without"}
    assert alone == {"image_classify": (2, 1), "speech_command": (1, 2)}
    assert {one.places for one in ranking.sensitivity if one.alternative == "sector"} == {None}
    (steady, _) = made(candidate(1, drawn(1)), candidate(2, drawn(2, speed=2.0))).rankings
    assert steady.remarks == ()


def test_the_resolution_of_a_search_is_part_of_the_doubt() -> None:
    metric = "speech_command.streams.channels"
    admitted = msgspec.structs.replace(policy().admission, both_senses=False)
    rules = policy(terms=(Term(metric=metric, weight=1.0),), gates=(), pareto=(), admission=admitted)
    rules = msgspec.structs.replace(rules, reference=msgspec.structs.replace(rules.reference, values={metric: 10.0}))
    (row,) = made(candidate(1, {metric: [10.0] * 5}), rules=rules).rows
    assert row.terms[0].resolution_variance == pytest.approx(math.log(1.1) ** 2 / 12)
    assert row.place
    assert row.place.high / row.place.low > 1.05


def test_a_list_survives_its_own_json() -> None:
    result = made(candidate(1, drawn(1)), candidate(2, drawn(2), formal=False))
    assert msgspec.json.decode(msgspec.json.encode(result), type=Listing) == result


def entered(
    one: Candidate, status: Status, standing: Literal["formal", "self-test"], under_review: bool = False
) -> Candidate:
    accepted = Accepted(
        submission="S", archive_sha256="0" * 64, run_id="r", submitter="v", reviewer="l", standing=standing, claims=()
    )
    return dataclasses.replace(one, verified=True, entered=Entered(accepted, status, under_review))


@pytest.mark.parametrize("status", ["initial", "changed", "suspended", "withdrawn", "expired"])
def test_the_registry_decides_what_still_holds(status: Status) -> None:
    one = entered(candidate(1, drawn(1), formal=False), status, "formal")
    (row,) = made(one).rows
    assert row.table == "formal"  # measured again, if not signed by three
    assert row.eligible == (status in ("initial", "changed"))
    assert row.state == ("valid" if status == "initial" else status)
    (row,) = made(entered(candidate(1, drawn(1), formal=False), status, "self-test", under_review=True)).rows
    assert (row.table, codes(row)) == ("self-test", {"under-review"})


def test_too_few_repetitions_are_a_gate_that_is_not_met() -> None:
    (row,) = made(candidate(1, drawn(1, k=4))).rows
    assert row.table == "formal"
    assert [gate.gate for gate in row.gates if gate.state != "met"] == ["repetitions"]
    assert not row.eligible


@pytest.mark.parametrize("kind", ["self-test", "void"])
def test_nothing_but_a_result_of_the_same_table_supersedes(kind: str) -> None:
    changes = {"findings": (VOID,)} if kind == "void" else {}
    first, later = candidate(1, drawn(1)), candidate(2, drawn(2), formal=kind == "void", changes=changes)
    for one in (first, later):
        for name, kept in one.records.items():
            one.records[name] = msgspec.structs.replace(kept, config_hash="sha256:same")
    assert made(first, later).rows[0].eligible


def test_a_gate_takes_no_value_whose_quality_failed() -> None:
    metric = "object_detect.offline.samples_per_s"
    one = candidate(1, {**drawn(1), metric: [50.0] * 5})
    name = "object_detect.offline.fp32"
    quality = msgspec.structs.replace(record(OFFLINE, [1.0])[0].quality, passed=False)
    one.records[name] = msgspec.structs.replace(one.records[name], quality=quality)
    (row,) = made(one, rules=policy(gates=(Gate(metric=metric, op=">=", limit=1, unit="1/s"),))).rows
    assert row.gates[-1].state == "unverified"
    assert not row.eligible


@pytest.mark.parametrize("value", [1e-320, 1e308])
def test_values_of_no_machine_are_not_assessed(value: float) -> None:
    (row,) = made(candidate(1, {**drawn(1), OFFLINE: [value] * 5})).rows
    assert codes(row) == {"not-positive"}
