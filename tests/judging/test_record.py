"""`bench.judging.record`: values and intervals over repetitions, looks at 5, 10 and 20, findings of all of them."""

from __future__ import annotations

import math
from typing import Literal

import msgspec
import numpy as np
import pytest
from scipy import stats

from bench.judging.record import Setup, judge_record, needs_more
from bench.records.effort import EFFORTS
from bench.records.findings import Cause, Finding, finding
from bench.records.host import DeviceFacts
from bench.records.job import Challenge, HandOver
from bench.records.numbers import Interval, Measured, Refusal
from bench.records.plan import Mode, RunPlan
from bench.records.record import Nonce, Record, Trial

from ..fixtures import HOST, MEASUREMENT, REPORT, measurement
from ..records.examples import QUALITY, SKETCH

PRIMARY = "latency_p90_ns"
WITHIN = Interval(low=90.0, high=110.0, confidence=0.95, kind="batch-means-t")


def trial(index: int, value: float | None = 100.0, **changes: object) -> Trial:
    figure = Measured(value=value, interval=WITHIN) if value is not None else Measured(refusal=REFUSED)
    metrics = {PRIMARY: figure, "failed_share": Measured(value=0.0)}
    plain = Trial(index=index, status="complete", started_at="", seed=0, report=REPORT, metrics=metrics, sketch=SKETCH)
    return msgspec.structs.replace(plain, **changes)


REFUSED = Refusal(code="too-few-queries", seen=10.0, limit=64.0)


def broken(index: int, words: str = "it broke") -> Trial:
    return Trial(index=index, status="failed", started_at="", seed=0, failure=words)


def trials(values: list[float]) -> list[Trial]:
    return [trial(index, value) for index, value in enumerate(values)]


def setup(mode: Mode = "standard", suite_hash: str | None = "sha256:m", **plan: object) -> Setup:
    plain = RunPlan(mode=mode, **plan)  # type: ignore[arg-type]
    return Setup(run_id="r", suite_version="1", plan=plain, host=HOST, suite_model_hash=suite_hash)


def record(given: list[Trial], mode: Mode = "standard", complete: bool = True) -> Record:
    return judge_record(setup(mode), MEASUREMENT, given, complete)


def codes(judged: Record) -> dict[str, Finding]:
    return {entry.code: entry for entry in judged.findings}


def spread(k: int, cv: float) -> list[float]:
    """k values around 100 whose logarithms have a standard deviation of exactly cv."""
    z = np.random.default_rng(k).normal(size=k)
    z = (z - z.mean()) / z.std(ddof=1)
    return (100 * np.exp(cv * z)).tolist()


# ----------------------------------------------------------------------------------------- values and intervals


@pytest.mark.parametrize("k", [5, 10, 20])
def test_value_and_interval_are_those_of_the_formula_at_the_confidence_of_a_look(k: int) -> None:
    figure = record(trials(spread(k, 0.02))).metrics[PRIMARY]
    half = stats.t.ppf(1 - 0.05 / 3 / 2, k - 1) * 0.02 / math.sqrt(k)
    assert figure.value == pytest.approx(100.0)
    assert figure.interval is not None
    assert figure.interval.low == pytest.approx(100 * math.exp(-half))
    assert figure.interval.high == pytest.approx(100 * math.exp(half))
    assert figure.interval.confidence == pytest.approx(1 - 0.05 / 3)
    assert figure.interval.kind == "repetitions-t"


def test_between_looks_the_interval_is_a_plain_one() -> None:
    figure = record(trials(spread(7, 0.02)), complete=False).metrics[PRIMARY]
    assert figure.interval is not None
    assert figure.interval.confidence == 0.95


def test_one_repetition_keeps_its_own_interval() -> None:
    assert record([trial(0)], "quick").metrics[PRIMARY] == Measured(value=100.0, interval=WITHIN)


def test_a_share_that_may_be_zero_is_averaged_without_an_interval() -> None:
    given = [
        trial(index, metrics={"failed_share": Measured(value=share), PRIMARY: Measured(value=1.0)})
        for index, share in enumerate([0.0, 0.0, 0.1, 0.0, 0.0])
    ]
    assert record(given).metrics["failed_share"] == Measured(value=pytest.approx(0.02))


def test_a_figure_that_one_repetition_refuses_is_refused() -> None:
    given = [*trials(spread(4, 0.01)), trial(4, None)]
    assert record(given).metrics[PRIMARY] == Measured(refusal=REFUSED)


def test_nothing_done_is_a_record_without_values() -> None:
    judged = record([], complete=False)
    assert (judged.metrics, judged.status, judged.valid) == ({}, "partial", False)
    assert judged.device is judged.facts is judged.quality is judged.sketch is None


def test_the_sketch_is_that_of_the_median_repetition() -> None:
    given = trials([5.0, 1.0, 4.0, 2.0, 3.0])
    marked = [msgspec.structs.replace(one, sketch=msgspec.structs.replace(SKETCH, count=one.index)) for one in given]
    judged = record(marked)
    assert judged.sketch is not None
    assert judged.sketch.count == 4, "the trial with value 3.0"


def test_quality_is_that_of_the_repetition_that_checked_it() -> None:
    given = trials(spread(5, 0.01))
    given[0] = msgspec.structs.replace(given[0], quality=QUALITY)
    assert record(given).quality == QUALITY


# ------------------------------------------------------------------------------------------------------- looks


@pytest.mark.parametrize("k", range(21))
def test_narrow_intervals_end_at_the_first_look(k: int) -> None:
    assert needs_more(MEASUREMENT, trials(spread(k, 0.001) if k > 1 else [100.0] * k), "standard") == (
        k not in (5, 10, 20)
    )


@pytest.mark.parametrize("k", range(21))
def test_wide_intervals_go_on_to_the_last_look(k: int) -> None:
    given = trials(spread(k, 0.2) if k > 1 else [100.0] * k)
    assert needs_more(MEASUREMENT, given, "standard") == (k < 20)


def test_the_limit_of_a_look_is_the_half_width_of_the_mode() -> None:
    limit = EFFORTS["standard"].half_width
    assert limit is not None
    t = stats.t.ppf(1 - 0.05 / 3 / 2, 4)
    cv = math.atanh(limit) * math.sqrt(5) / t
    assert not needs_more(MEASUREMENT, trials(spread(5, cv * 0.999)), "standard")
    assert needs_more(MEASUREMENT, trials(spread(5, cv * 1.001)), "standard")


def test_certified_aims_at_one_percent_and_three_for_99th_percentiles() -> None:
    one, three = trials(spread(5, 0.005)), trials(spread(5, 0.015))
    assert not needs_more(MEASUREMENT, one, "certified")
    assert needs_more(MEASUREMENT, three, "certified")
    batches = measurement("multi_stream", samples_per_query=8)
    for given, more in ((three, False), (trials(spread(5, 0.05)), True)):
        by_p99 = [msgspec.structs.replace(each, metrics={"latency_p99_ns": each.metrics[PRIMARY]}) for each in given]
        assert needs_more(batches, by_p99, "certified") is more


@pytest.mark.parametrize(("origin", "told"), [("given", False), ("drawn", True)])
def test_a_nonce_that_was_drawn_here_is_told(origin: Literal["given", "drawn"], told: bool) -> None:
    plain = msgspec.structs.replace(setup("certified"), nonce=Nonce(value="ab" * 16, origin=origin))
    judged = judge_record(plain, MEASUREMENT, trials([100.0] * 5), True)
    assert ("nonce-self-drawn" in codes(judged)) is told
    assert judged.nonce == plain.nonce


def test_the_record_holds_hand_over_and_challenge() -> None:
    asked, cost = Challenge(seed=1), HandOver(calls=10, p50_ns=7, p99_ns=9)
    report = msgspec.structs.replace(REPORT, challenge=asked, hand_over=cost)
    given = trials([100.0] * 5)
    given[0] = msgspec.structs.replace(given[0], report=report)
    later = [msgspec.structs.replace(one, report=msgspec.structs.replace(REPORT, hand_over=cost)) for one in given[1:]]
    judged = record([given[0], *later], "certified")
    assert (judged.challenge, judged.hand_over) == (asked, cost)


def test_a_look_alone_needs_one_repetition() -> None:
    assert needs_more(MEASUREMENT, [], "quick")
    assert not needs_more(MEASUREMENT, [trial(0)], "quick")


def test_a_failed_repetition_ends_the_measurement() -> None:
    assert not needs_more(MEASUREMENT, [broken(0)], "quick")
    assert not needs_more(MEASUREMENT, [*trials(spread(3, 0.2)), broken(3)], "standard")


def test_a_refused_primary_figure_is_not_mended_by_repeating() -> None:
    assert not needs_more(MEASUREMENT, [trial(index, None) for index in range(5)], "standard")


# ---------------------------------------------------------------------------------------------------- findings


def test_a_good_record_is_valid_and_has_no_findings() -> None:
    judged = record(trials(spread(5, 0.01)))
    assert judged.findings == ()
    assert judged.valid
    assert judged.trials == tuple(f"trial-{index:02d}" for index in range(5))


@pytest.mark.parametrize("cause", ["out-of-memory", "device-lost"])
def test_why_a_repetition_failed_is_a_finding_of_its_own(cause: Cause) -> None:
    failed = msgspec.structs.replace(broken(1, "no room"), cause=cause)
    judged = record([trial(0), failed])
    assert codes(judged)[cause].seen == "no room"
    assert codes(judged)[cause].severity == "error"
    assert "repetition-failed" not in codes(judged)


def test_a_failed_repetition_makes_the_record_invalid_and_is_told() -> None:
    judged = record([trial(0), broken(1, "ended by SIGSEGV")])
    assert codes(judged)["repetition-failed"].seen == "ended by SIGSEGV"
    assert not judged.valid
    assert judged.metrics[PRIMARY].value == 100.0, "what was measured is shown"


@pytest.mark.parametrize(("done", "due"), [(0, 5), (3, 5), (5, 10), (7, 10), (13, 20)])
def test_an_interrupted_record_says_how_many_repetitions_are_due(done: int, due: int) -> None:
    judged = record([trial(index) for index in range(done)], complete=False)
    entry = codes(judged)["too-few-repetitions"]
    assert (entry.seen, entry.limit) == (done, due)
    assert not judged.valid


def test_sessions_that_differ_between_repetitions_are_an_error() -> None:
    given = trials(spread(5, 0.01))
    other = msgspec.structs.replace(REPORT, session_hash="sha256:another")
    given[3] = msgspec.structs.replace(given[3], report=other)
    judged = record(given)
    assert (codes(judged)["engine-differs"].seen, codes(judged)["engine-differs"].limit) == (2, 1)
    assert not judged.valid


def test_an_interval_that_stays_too_wide_is_told() -> None:
    entry = codes(record(trials(spread(20, 0.2))))["interval-too-wide"]
    assert isinstance(entry.seen, float)
    assert entry.seen > 0.03 == entry.limit
    assert entry.severity == "warning"


def test_the_same_finding_of_several_repetitions_stands_once_at_its_worst() -> None:
    seen = [0.3, 0.9, 0.5]
    busy = [finding("host-busy", "standard", share, 0.05, "other processes") for share in seen]
    short = [finding("too-short", "standard", seconds, 10.0) for seconds in (9.0, 2.0, 5.0)]
    stolen = finding("host-busy", "standard", 0.03, 0.02, "hypervisor")
    given = [trial(index, findings=(busy[index], short[index], stolen)) for index in range(3)]
    found = record([*given, trial(3), trial(4)]).findings
    assert [(entry.code, entry.subject, entry.seen) for entry in found] == [
        ("host-busy", "other processes", 0.9),
        ("too-short", "", 2.0),
        ("host-busy", "hypervisor", 0.03),
    ]


# ------------------------------------------------------------------------------------------ division and hashes


def test_the_division_is_closed_only_for_the_suites_own_model() -> None:
    def division(one: Setup) -> str:
        return judge_record(one, MEASUREMENT, [trial(0)], True).division

    assert division(setup("quick")) == "closed"
    assert division(setup("quick", suite_hash="sha256:another")) == "open"
    assert division(setup("quick", suite_hash=None)) == "open"
    assert division(setup("quick", model="/m.onnx")) == "open"
    assert division(setup("quick", data="/files", agreement=True)) == "open"


def test_the_configuration_is_known_by_what_it_is_and_not_by_seed_or_time() -> None:
    def configuration(one: Setup, given: Trial) -> str:
        return judge_record(one, MEASUREMENT, [given], True).config_hash

    plain = configuration(setup("quick"), trial(0))
    assert configuration(setup("quick", seed=5), trial(0, seed=9, started_at="later")) == plain
    other = msgspec.structs.replace(REPORT, session_hash="sha256:another")
    assert configuration(setup("quick"), trial(0, report=other)) != plain
    host = msgspec.structs.replace(HOST, cpu_model="another")
    assert configuration(msgspec.structs.replace(setup("quick"), host=host), trial(0)) != plain


def test_what_a_script_makes_up_is_synthetic() -> None:
    """As the engine says of itself, on the first device or any other; kept records of before say nothing."""
    assert record(trials([100.0, 101.0])).origin == "measured"
    scripted = msgspec.structs.replace(REPORT.facts, synthetic=True)
    made_up = trial(0, report=msgspec.structs.replace(REPORT, facts=scripted))
    assert record([made_up]).origin == "synthetic"
    more = (DeviceFacts(device=REPORT.device, facts=scripted),)
    assert record([trial(0, report=msgspec.structs.replace(REPORT, more_devices=more))]).origin == "synthetic"


def test_a_record_holds_the_values_of_its_repetitions() -> None:
    judged = record([*trials([100.0, 101.0, 99.0])])
    assert judged.repetitions == {PRIMARY: (100.0, 101.0, 99.0), "failed_share": (0.0, 0.0, 0.0)}
    assert record([*trials([100.0]), trial(1, value=None)]).repetitions == {"failed_share": (0.0, 0.0)}
    assert record([*trials([100.0, 101.0]), broken(2)]).repetitions[PRIMARY] == (100.0, 101.0)
    assert record([broken(0)]).repetitions == {}
