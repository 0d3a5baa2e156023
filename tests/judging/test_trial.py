"""`bench.judging.trial`: each finding appears with what was seen, and only where it belongs."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from bench.judging.trial import score_trial, trial_findings
from bench.records.findings import Finding
from bench.records.host import Noise
from bench.records.job import Challenge, Fault, Interpreter, Report, Verification
from bench.records.numbers import InFlight
from bench.records.plan import Measurement, Mode
from bench.scoring.columns import Columns

from ..fixtures import FACTS, REPORT, measurement

SINGLE = measurement()
MILLISECOND = 1_000_000


def columns(rows: int = 2500, service_ns: int = MILLISECOND, failed: tuple[int, ...] = ()) -> Columns:
    """A closed loop with a spread that has no pattern; ten microseconds between queries."""
    spread = np.random.default_rng(1).integers(0, service_ns // 10, rows)
    ended = np.cumsum(service_ns + spread + 10_000).astype(np.int64)
    scheduled = np.concatenate([[0], ended[:-1]])
    status = np.zeros(rows, np.uint8)
    status[list(failed)] = 1
    return Columns(
        scheduled_ns=scheduled,
        started_ns=scheduled + 10_000,
        ended_ns=ended,
        first_query=np.arange(rows, dtype=np.int32),
        queries=np.ones(rows, np.int32),
        worker=np.zeros(rows, np.int16),
        status=status,
    )


def found(
    given: Columns | None = None, mode: Mode = "quick", asked: Measurement = SINGLE, **report: object
) -> dict[tuple[str, str], Finding]:
    given = columns() if given is None else given
    report.setdefault("elapsed_ns", given.elapsed_ns)
    changed: Report = msgspec.structs.replace(REPORT, **report)
    entries = trial_findings(given, score_trial(given, asked), changed, asked, mode)
    return {(entry.code, entry.subject): entry for entry in entries}


def test_a_good_repetition_has_no_findings() -> None:
    assert found() == {}
    assert found(columns(12_000), mode="standard") == {}


def test_too_few_queries_for_the_percentile() -> None:
    entry = found(columns(50, 50 * MILLISECOND))["too-few-queries", "latency_p90_ns"]
    assert (entry.seen, entry.limit, entry.severity) == (50, 64, "warning")


def test_a_run_cut_short_by_the_longest_time() -> None:
    entry = found(cut_short=True)["too-few-queries", "latency_p90_ns"]
    assert (entry.seen, entry.limit) == (2500, None)


def test_too_short_allows_a_twentieth() -> None:
    assert ("too-short", "") not in found(columns(1800))
    entry = found(columns(1700))["too-short", ""]
    assert entry.seen == pytest.approx(1700 * 1.06e-3, rel=0.01)
    assert entry.limit == 2.0


@pytest.mark.parametrize(("steady", "told"), [(True, False), (None, False), (False, True)])
def test_not_steady_is_told_when_the_test_says_so(steady: bool | None, told: bool) -> None:
    entries = found(steady=steady, warmup_cut=80, warmup_rows=100)
    assert (("not-steady", "") in entries) == told
    if told:
        assert (entries["not-steady", ""].seen, entries["not-steady", ""].limit) == (80, 50)


def test_failed_queries_are_counted() -> None:
    entry = found(columns(failed=(3, 700)))["queries-failed", ""]
    assert (entry.seen, entry.limit, entry.severity) == (2, 0, "error")


@pytest.mark.parametrize(("mode", "severity"), [("quick", "warning"), ("standard", "warning"), ("certified", "error")])
def test_another_precision_than_was_asked_for_is_told(mode: Mode, severity: str) -> None:
    facts = msgspec.structs.replace(FACTS, precision_executed="bf16")
    entry = found(columns(12_000), mode=mode, facts=facts)["other-precision", ""]
    assert (entry.seen, entry.limit, entry.severity) == ("bf16", "fp32", severity)
    assert ("other-precision", "") not in found(asked=measurement(precision="bf16"), facts=facts)


def test_why_queries_failed_is_told_where_it_is_known() -> None:
    entries = found(columns(failed=(3,)), fault=Fault(words="no room", cause="out-of-memory"))
    assert entries["queries-failed", ""].seen == 1
    assert entries["out-of-memory", "calls"].seen == "no room"
    assert set(found(columns(failed=(3,)), fault=Fault(words="it broke"))) == {("queries-failed", "")}


def test_a_percentile_on_a_failed_query_is_no_want_of_queries() -> None:
    entries = found(columns(failed=tuple(range(0, 2500, 5))))
    assert entries["queries-failed", ""].seen == 500
    assert not [code for code, _ in entries if code == "too-few-queries"]


def test_outputs_that_are_not_finite_are_counted() -> None:
    assert found(bad_samples=3)["non-finite-output", ""].seen == 3


def test_timed_outputs_that_differ_from_their_recomputation_are_counted() -> None:
    wrong = Verification(samples=25, mismatched=2, largest_error=None)
    entry = found(verification=wrong)["output-mismatch", ""]
    assert (entry.seen, entry.severity) == (2, "error")


@pytest.mark.parametrize(("gain", "told"), [(None, False), (1.03, False), (1.031, True)])
def test_a_gain_from_repeated_inputs_is_told_beyond_three_percent(gain: float | None, told: bool) -> None:
    assert (("input-cache", "") in found(repeated_input_gain=gain)) == told


def test_a_gain_over_inputs_never_seen_is_told_beside_it() -> None:
    entry = found(fresh_input_gain=1.5, repeated_input_gain=1.0, mode="certified")["input-cache", "fresh"]
    assert (entry.seen, entry.severity) == (1.5, "error")


def test_answers_that_differ_from_the_reference_are_told_beside_those_recomputed() -> None:
    wrong = Verification(samples=8, mismatched=5, largest_error=0.3)
    entry = found(reference_check=wrong, mode="certified")["output-mismatch", "reference"]
    assert (entry.seen, entry.severity) == (5, "error")


PUT = Challenge(seed=1, model_hash="sha256:c", samples=8, largest_error=1e-7, tolerance=1e-5, slower=0.99)


@pytest.mark.parametrize(
    ("changes", "code", "seen"),
    [
        ({"mismatched": 3}, "challenge-failed", 3),
        ({"slower": 1.04}, "challenge-slower", 1.04),
        ({"refused": "no such network"}, "challenge-failed", "no such network"),
        ({"refused": "no such operator", "refused_by": "reference"}, "challenge-not-made", "no such operator"),
    ],
)
def test_a_challenge_that_was_not_met_is_an_error(changes: dict[str, object], code: str, seen: float | str) -> None:
    entry = found(challenge=msgspec.structs.replace(PUT, **changes), mode="certified")[code, ""]
    assert (entry.seen, entry.severity) == (seen, "error")


def test_a_challenge_that_was_met_is_no_finding() -> None:
    assert found(columns(70_000), challenge=PUT, mode="certified") == {}


@pytest.mark.parametrize(
    ("noise", "code", "subject"),
    [
        ({"foreign_cpu_share": 0.051}, "host-busy", "other processes"),
        ({"steal_share": 0.021}, "host-busy", "hypervisor"),
        ({"frequency_change": 0.051}, "clock-varied", ""),
        ({"swapped_pages": 1}, "memory-swapped", ""),
    ],
)
def test_a_disturbed_host_is_told(noise: dict[str, float], code: str, subject: str) -> None:
    assert set(found(noise=Noise(seconds=1.0, **noise))) == {(code, subject)}  # type: ignore[arg-type]


def test_a_host_at_its_limits_or_not_readable_is_not_accused() -> None:
    limits = Noise(seconds=1.0, foreign_cpu_share=0.05, steal_share=0.02, frequency_change=0.05, swapped_pages=0)
    assert found(noise=limits) == found(noise=Noise(seconds=1.0)) == {}


@pytest.mark.parametrize(("here", "apart", "told"), [(0, None, 0), (0, 0, 0), (3, None, 3), (1, 4, 5)])
def test_garbage_that_was_collected_while_the_clock_ran_is_counted(here: int, apart: int | None, told: int) -> None:
    ran = Interpreter(gil=True, switch_interval_s=0.005, collections=here, engine_collections=apart)
    entries = found(interpreter=ran)
    assert [entry.seen for entry in entries.values()] == ([told] if told else [])
    assert all(entry.code == "garbage-collected" for entry in entries.values())


# ---------------------------------------------------------------------------------------------------- busy time


@pytest.mark.parametrize(
    ("seen", "timeline", "empty", "subjects"),
    [
        (0.98, 0.99, 0, set()),
        (0.98, 0.5, 0, {"in-flight"}),
        (0.5, 0.98, 0, {"in-flight"}),
        (0.98, 0.98, 1, {"empty-answer"}),
    ],
)
def test_what_a_witness_saw_is_held_against_the_timeline(
    seen: float, timeline: float, empty: int, subjects: set[str]
) -> None:
    given = columns()
    report = msgspec.structs.replace(REPORT, elapsed_ns=given.elapsed_ns)
    looked = InFlight(looks=60, seen=seen, timeline=timeline, error=0.0, empty=empty)
    entries = trial_findings(given, score_trial(given, SINGLE), report, SINGLE, "quick", seen=looked)
    assert {entry.subject for entry in entries} == subjects
    assert all((entry.code, entry.severity) == ("busy-time", "error") for entry in entries)


def changed(given: Columns, **arrays: np.ndarray) -> Columns:
    fields = {name: getattr(given, name) for name in Columns.__slots__}
    return Columns(**{**fields, **arrays})


def test_one_worker_cannot_work_on_two_queries_at_once() -> None:
    honest = columns()
    started = honest.started_ns.copy()
    started[1:] -= 500_000
    assert ("busy-time", "worker-overlap") in found(changed(honest, started_ns=started))


def test_a_worker_cannot_work_longer_than_the_run_lasted() -> None:
    entry = found(elapsed_ns=columns().elapsed_ns // 2)["busy-time", "worker-busy-share"]
    assert entry.seen == pytest.approx(2.0, rel=0.02)
    assert entry.limit == 1.0


def test_a_timeline_squeezed_against_the_clock_of_the_harness_is_found() -> None:
    entries = found(elapsed_ns=columns().elapsed_ns * 2)
    assert ("busy-time", "closed-loop") in entries
    assert entries["busy-time", "closed-loop"].severity == "error"


def test_two_workers_may_overlap_each_other() -> None:
    rows = 1000
    started = np.repeat(np.arange(rows // 2, dtype=np.int64), 2) * 10 * MILLISECOND
    worker = np.arange(rows, dtype=np.int16) % 2
    ended = started + np.where(worker == 0, 9, 8) * MILLISECOND
    due = np.concatenate([[0, 0], np.repeat(ended.reshape(-1, 2).max(axis=1)[:-1], 2)])
    given = Columns(
        scheduled_ns=due,
        started_ns=started,
        ended_ns=ended,
        first_query=np.arange(rows, dtype=np.int32) // 2,
        queries=np.ones(rows, np.int32),
        worker=worker,
        status=np.zeros(rows, np.uint8),
        samples_per_query=8,
    )
    asked = measurement("multi_stream", batch=4, samples_per_query=8, workers=2)
    assert not [code for code, _ in found(given, asked=asked) if code == "busy-time"]


def test_an_interval_refused_for_failed_queries_is_told_without_their_numbers() -> None:
    """The upper end of the interval falls on a failed query: a share of them is no correlation."""
    failed = np.random.default_rng(2).choice(2500, size=245, replace=False)
    entries = found(columns(failed=tuple(failed)))
    entry = entries["interval-not-supported", ""]
    assert (entry.seen, entry.limit) == (None, None)


def test_an_interval_refused_for_correlation_is_told_in_a_look_only() -> None:
    rows = 12_000
    trend = np.linspace(0, MILLISECOND, rows).astype(np.int64)
    ended = np.cumsum(MILLISECOND + trend)
    scheduled = np.concatenate([[0], ended[:-1]])
    given = changed(columns(rows), scheduled_ns=scheduled, started_ns=scheduled, ended_ns=ended)
    assert ("interval-not-supported", "") in found(given)
    assert ("interval-not-supported", "") not in found(given, mode="standard")
