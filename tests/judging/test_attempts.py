"""`bench.judging.attempts` and `serving`: from trials at several rates to what comes next and what is published."""

from __future__ import annotations

import msgspec
import pytest

from bench.judging.attempts import attempts, carried, deciding, next_rate
from bench.judging.record import RepetitionDue, SearchDue, Setup, judge_record, needs_more, next_step
from bench.judging.serving import published
from bench.records.findings import finding
from bench.records.job import SearchReport
from bench.records.numbers import Measured
from bench.records.plan import Mode, RunPlan
from bench.records.record import Trial
from bench.records.search import Search, SearchTrial

from ..fixtures import FACTS, HOST, REPORT, measurement

SEARCHED = measurement("server", latency_bound_ns=10_000_000)
FIXED = measurement("server", latency_bound_ns=10_000_000, rate_per_s=50.0)


def trial(rate: float, late: float, *codes: str, index: int = 0, mode: Mode = "standard") -> Trial:
    return Trial(
        index=index,
        status="complete",
        started_at="",
        seed=0,
        report=REPORT,
        metrics={"late_share": Measured(value=late), "rate_held_per_s": Measured(value=rate)},
        findings=tuple(finding(code, mode) for code in codes),
        rate_per_s=rate,
    )


def failed(rate: float | None) -> Trial:
    return Trial(index=0, status="failed", started_at="", seed=0, failure="broke", rate_per_s=rate)


def search(passing: float | None, failing: float | None) -> Search:
    trials = (SearchTrial(rate_per_s=2.0, queries=100, late=9, seconds=1.0, outcome="late"),)
    return Search(offline_per_s=100.0, trials=trials, passing_per_s=passing, failing_per_s=failing, seconds=1.0)


def report(found: Search) -> SearchReport:
    return SearchReport(device=REPORT.device, facts=FACTS, model_hash="", session_hash="", search=found)


def test_the_search_comes_first_and_then_its_rate() -> None:
    assert next_step(SEARCHED, None, [], "standard") == SearchDue()
    assert next_step(SEARCHED, report(search(80.0, 81.0)), [], "standard") == RepetitionDue(rate_per_s=80.0)
    assert next_step(SEARCHED, report(search(None, 2.0)), [], "standard") is None
    assert next_step(FIXED, None, [], "standard") == RepetitionDue(rate_per_s=50.0)


def test_what_was_found_about_the_answers_outlives_the_attempt() -> None:
    """Quality is checked in the first repetition; a rate that did not hold does not make its verdict go away."""
    trials = [trial(80.0, 0.5, "quality-failed", "overloaded", "host-busy"), trial(76.0, 0.0)]
    assert [entry.code for entry in carried(trials, trials[1:])] == ["quality-failed"]
    assert carried(trials[1:], trials[1:]) == []
    asked = Setup(run_id="r", suite_version="0", plan=RunPlan(), host=HOST, suite_model_hash=None)
    record = judge_record(asked, SEARCHED, trials, complete=True, searched=report(search(80.0, 81.0)))
    assert not record.valid
    assert {"quality-failed"} == {entry.code for entry in record.findings if entry.severity == "error"}


def test_a_rate_that_holds_takes_five_repetitions() -> None:
    found, trials = search(80.0, 81.0), []
    for _ in range(5):
        assert next_rate(SEARCHED, found, trials, "standard") == 80.0
        trials.append(trial(80.0, 0.004))
    assert attempts(SEARCHED, trials, "standard")[0].held is True


def test_the_rate_that_should_not_hold_gets_repetitions_too() -> None:
    found, trials = search(80.0, 81.0), [trial(80.0, 0.004)] * 5
    assert next_rate(SEARCHED, found, trials, "standard") == 81.0
    fails = [*trials, trial(81.0, 0.05)]
    assert next_rate(SEARCHED, found, fails, "standard") is None
    assert deciding(fails, attempts(SEARCHED, fails, "standard")) == trials
    # A look does not: its bracket is that of the trials.
    assert next_rate(SEARCHED, found, [trial(80.0, 0.004, mode="quick")], "quick") is None


def test_a_neighbour_that_holds_is_the_answer_and_the_next_one_is_tried() -> None:
    found, trials = search(80.0, 81.0), [*[trial(80.0, 0.004)] * 5, *[trial(81.0, 0.001)] * 5]
    assert next_rate(SEARCHED, found, trials, "standard") == pytest.approx(81.0 * 1.02)
    fails = [*trials, trial(82.62, 0.3)]
    tried = attempts(SEARCHED, fails, "standard")
    assert deciding(fails, tried) == trials[5:]
    metrics = {"rate_held_per_s": Measured(value=81.0)}
    shown, codes = published(SEARCHED, found, tried, metrics, "standard", complete=True)
    interval = shown["rate_held_per_s"].interval
    assert interval is not None
    assert (interval.low, interval.high) == (81.0, 81.0)  # the trial that failed at 81 still counts against it
    assert codes == ()


def test_cameras_go_one_by_one_and_their_worst_must_hold() -> None:
    def frames(cameras: int, worst: float) -> Trial:
        metrics = {"late_share": Measured(value=worst / 4), "worst_late_share": Measured(value=worst)}
        shown = {**metrics, "channels": Measured(value=float(cameras))}
        return msgspec.structs.replace(trial(cameras * 25.0, 0.0), metrics=shown)

    asked = measurement("streams", latency_bound_ns=10**8, frames_per_s=25.0)
    found, trials = search(75.0, 100.0), [frames(3, 0.03)]
    assert attempts(asked, trials, "standard")[0].held is False
    assert next_rate(asked, found, trials, "standard") == 50.0
    trials += [frames(2, 0.002)] * 5
    assert next_rate(asked, found, trials, "standard") is None
    tried = attempts(asked, trials, "standard")
    shown, codes = published(asked, found, tried, {"channels": Measured(value=2.0)}, "standard", complete=True)
    interval = shown["channels"].interval
    assert interval is not None
    assert (interval.low, interval.high) == (2.0, 3.0)
    assert codes == ()
    assert next_rate(asked, search(25.0, 50.0), [frames(1, 0.5)], "standard") is None


def test_a_rate_that_fails_is_lowered_by_a_step_as_soon_as_that_is_certain() -> None:
    trials = [trial(80.0, 0.004), trial(80.0, 0.03)]
    assert attempts(SEARCHED, trials, "standard")[0].held is False
    assert next_rate(SEARCHED, search(80.0, 81.0), trials, "standard") == pytest.approx(79.2)
    trials.append(trial(79.2, 0.002))
    assert [attempt.held for attempt in attempts(SEARCHED, trials, "standard")] == [False, None]
    assert deciding(trials, attempts(SEARCHED, trials, "standard")) == trials[-1:]


def test_scattered_repetitions_do_not_hold_though_their_mean_does() -> None:
    # Mean 0.8 %, and the upper limit 1.4 %.
    trials = [trial(80.0, late) for late in (0.002, 0.014, 0.002, 0.014, 0.008)]
    assert attempts(SEARCHED, trials, "standard")[0].held is False


def test_an_overloaded_repetition_does_not_hold_whatever_was_late() -> None:
    assert attempts(SEARCHED, [trial(80.0, 0.0, "overloaded")], "standard")[0].held is False


def test_a_fixed_rate_gets_all_its_repetitions_and_no_other_rate() -> None:
    trials = [trial(50.0, 0.5)]
    assert next_rate(FIXED, None, trials, "standard") == 50.0
    trials *= 5
    assert next_rate(FIXED, None, trials, "standard") is None
    assert attempts(FIXED, trials, "standard")[0].held is False


def test_attempts_come_to_an_end() -> None:
    trials: list[Trial] = []
    while (rate := next_rate(SEARCHED, search(80.0, 81.0), trials, "quick")) is not None:
        trials.append(trial(rate, 0.2))
    assert len(trials) == 5
    assert trials[-1].rate_per_s == pytest.approx(80.0 * 0.95**4)


@pytest.mark.parametrize("rate", [None, 80.0])
def test_a_failed_repetition_ends_it(rate: float | None) -> None:
    assert next_rate(SEARCHED, search(80.0, 81.0), [failed(rate)], "standard") is None
    assert next_step(SEARCHED, None, [failed(rate)], "standard") is None


def test_other_scenarios_go_on_as_they_did() -> None:
    closed = measurement("offline")
    assert needs_more(closed, [], "quick")
    assert next_step(closed, None, [], "quick") == RepetitionDue()


def publish(
    found: Search | None, trials: list[Trial], mode: Mode = "quick", fixed: bool = False
) -> tuple[Measured, list[str]]:
    asked = FIXED if fixed else SEARCHED
    tried = attempts(asked, trials, mode)
    metrics = dict(trials[-1].metrics) if trials else {}
    shown, findings = published(asked, found, tried, metrics, mode, complete=True)
    return shown.get("rate_held_per_s", Measured()), [entry.code for entry in findings]


def test_what_held_is_shown_up_to_what_did_not() -> None:
    figure, codes = publish(search(80.0, 83.0), [trial(80.0, 0.0)])
    assert figure.interval is not None
    assert (figure.value, figure.interval.low, figure.interval.high) == (80.0, 80.0, 83.0)
    assert figure.interval.kind == "bracket"
    assert codes == []


def test_an_attempt_that_failed_is_the_end_that_did_not_hold() -> None:
    figure, codes = publish(search(80.0, 83.0), [trial(80.0, 0.5), trial(76.0, 0.0)])
    assert figure.interval is not None
    assert figure.interval.high == 80.0
    assert codes == []


def test_far_ends_are_said() -> None:
    assert publish(search(80.0, 100.0), [trial(80.0, 0.0)])[1] == ["search-too-wide"]


def test_no_rate_is_a_result() -> None:
    figure, codes = publish(search(None, 2.0), [])
    assert figure.refusal is not None
    assert (figure.refusal.code, figure.refusal.seen, figure.refusal.limit) == ("no-rate-holds-bound", 2.0, 100.0)
    assert codes == ["no-rate-holds-bound"]
    assert finding(codes[0], "standard").severity != "error"


def test_a_rate_that_does_not_hold_is_not_published() -> None:
    figure, codes = publish(None, [trial(50.0, 0.3)], fixed=True)
    assert figure.value is None
    assert figure.refusal is not None
    assert figure.refusal.code == "bound-missed"
    assert codes == ["bound-missed"]


def test_unfinished_and_failed_measurements_publish_nothing_of_the_rate() -> None:
    asked = msgspec.structs.replace(SEARCHED)
    assert published(asked, search(80.0, 81.0), (), {}, "quick", complete=False) == ({}, ())
    assert publish(search(80.0, 81.0), [failed(80.0)])[1] == []
    assert publish(None, [failed(None)])[1] == []
