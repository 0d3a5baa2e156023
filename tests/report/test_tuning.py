"""`bench.report.tuning`: the choice, why, and the candidates from the best on, in both languages."""

from __future__ import annotations

from typing import get_args

import pytest

from bench.records.numbers import Measured, Refusal
from bench.records.tuning import Candidate, Choice, Reason, Tuning
from bench.report.tuning import tuning_section
from bench.text import name

from .samples import HOSTILE, interval, record, replace

DEFAULT, BEST = Choice(batch=8, workers=1, threads=2), Choice(batch=32, workers=2, threads=1, max_wait_ns=1_500_000)
TUNING = Tuning(
    metric="samples_per_s",
    budget_s=60.0,
    seconds=41.5,
    candidates=(
        Candidate(choice=DEFAULT, figures=(100.0, 101.0, 99.0), seconds=6.0),
        Candidate(choice=replace(DEFAULT, batch=64), seconds=2.0, failure=f"ended by SIGKILL {HOSTILE}"),
        Candidate(choice=replace(DEFAULT, batch=2), figures=(50.0,), seconds=2.0),
        Candidate(choice=BEST, figures=(150.0,), seconds=2.0),
    ),
    chosen=BEST,
    reason="ahead",
    gain=Measured(value=1.5, interval=interval(1.5, 0.02, "repetitions-t", 0.9)),
    pairs=5,
)


def lines(tuning: Tuning | None, lang: str = "en") -> list[tuple[str, str]]:
    return list(tuning_section(replace(record("offline"), tuning=tuning), lang).lines)


def test_nothing_is_said_where_nothing_was_tuned() -> None:
    assert lines(None) == []


def test_the_choice_its_reason_and_the_candidates_from_the_best_on() -> None:
    shown = dict(lines(TUNING))
    best = "batch 32, 2 × 1 threads, wait 1.50 ms"
    assert shown["Chosen"] == best
    assert shown["Why"] == "ahead of the default beyond the noise"
    assert shown["Best against default"] == "1.500 [1.470, 1.530] times as good (pairs of trials in turn: 5)"
    assert shown["Candidates tried"] == "4 in 41.5 s of 60.0 s, not scored"
    assert "Time ended" not in shown
    tail = lines(TUNING)[-4:]
    assert [label for label, _ in tail] == [best, *(f"batch {n}, 1 × 2 threads" for n in (8, 2, 64))]
    assert tail[1][1] == "100 /s (trials: 3)", "the median of its trials"
    assert tail[3][1].startswith("failed: ended by SIGKILL")
    assert "\x1b" not in tail[3][1]


def test_of_latencies_the_smallest_comes_first() -> None:
    (*_, last) = [
        label for label, _ in lines(replace(TUNING, metric="latency_p90_ns", candidates=TUNING.candidates[2:]))
    ]
    assert last.startswith("batch 32")


def test_of_many_the_best_are_shown_and_the_rest_counted() -> None:
    many = tuple(Candidate(choice=replace(DEFAULT, batch=n), figures=(float(n),)) for n in range(1, 31))
    shown = lines(replace(TUNING, candidates=many, exhausted=True))
    assert [label for label, _ in shown if label.startswith("batch ")] == [
        f"batch {n}, 1 × 2 threads" for n in range(30, 18, -1)
    ]
    assert shown[-1] == ("More in the record", "18")
    assert "--tune-budget-s" in dict(shown)["Time ended"]


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("reason", get_args(Reason))
def test_every_reason_has_words(lang: str, reason: Reason) -> None:
    assert name(lang, "tuning_reason", reason) != reason
    refused = Measured(value=1.2, interval_refusal=Refusal(code="too-few-repetitions", seen=1, limit=2))
    nothing = replace(TUNING, metric=None, gain=None, candidates=(Candidate(choice=DEFAULT),), reason=reason)
    assert lines(nothing, lang)
    assert "1.200 " in " ".join(text for _, text in lines(replace(TUNING, gain=refused, pairs=1), lang))
