"""The real-time factor: the inverse of the recordings answered per second, by how long they last."""

from __future__ import annotations

import msgspec
import pytest

from bench.judging.sound import sound_metrics
from bench.records.numbers import Interval, Measured, Refusal

from ..report import samples
from .test_energy import report

RATE = Measured(value=50.0, interval=Interval(low=40.0, high=80.0, confidence=0.95, kind="batch-means-t"))
OFFLINE = msgspec.structs.replace(samples.record().measurement, scenario="offline", samples_per_query=1)
SPEECH = msgspec.structs.replace(report(), mean_sample_s=2.0)


def test_a_hundred_seconds_of_sound_in_one_are_a_factor_of_a_hundredth() -> None:
    (found,) = sound_metrics(SPEECH, OFFLINE, {"samples_per_s": RATE}).values()
    assert found.value == pytest.approx(0.01)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((1 / 160, 1 / 80))
    assert found.interval.low < found.value < found.interval.high
    assert found.interval.kind == "batch-means-t"


def test_queries_count_by_their_samples() -> None:
    eight = msgspec.structs.replace(OFFLINE, samples_per_query=8)
    (found,) = sound_metrics(SPEECH, eight, {"queries_per_s": RATE}).values()
    assert found.value == pytest.approx(1 / 800)
    (found,) = sound_metrics(SPEECH, eight, {"samples_per_s": RATE, "queries_per_s": RATE}).values()
    assert found.value == pytest.approx(0.01)


def test_what_is_no_recording_or_no_speed_has_none() -> None:
    assert sound_metrics(report(), OFFLINE, {"samples_per_s": RATE}) == {}
    assert sound_metrics(SPEECH, OFFLINE, {"rate_held_per_s": RATE}) == {}


def test_a_refused_rate_is_a_refused_factor_and_an_interval_to_zero_is_none() -> None:
    refused = Measured(refusal=Refusal(code="queries-failed", seen=1.0, limit=0.0))
    assert sound_metrics(SPEECH, OFFLINE, {"samples_per_s": refused})["real_time_factor"].refusal == refused.refusal
    wide = msgspec.structs.replace(RATE, interval=msgspec.structs.replace(RATE.interval, low=-1.0))
    found = sound_metrics(SPEECH, OFFLINE, {"samples_per_s": wide})["real_time_factor"]
    assert (found.value, found.interval) == (pytest.approx(0.01), None)
