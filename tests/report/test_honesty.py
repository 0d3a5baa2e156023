"""What the harness measured of itself, in words: in the details of a repetition and of a record, in both languages."""

from __future__ import annotations

import msgspec
import pytest

from bench.records.job import Interpreter
from bench.records.numbers import InFlight, Lateness
from bench.records.record import Trial
from bench.report.details import trial_section
from bench.report.serving import serving_section
from bench.text import LANGUAGES, sentence
from tests.report import samples

from ..fixtures import REPORT

LATE = Lateness(count=6_000, p50_ns=1_400.0, p99_ns=31_000.0, p999_ns=None, max_ns=2_100_000.0)
SEEN = InFlight(looks=250, seen=0.8, timeline=0.796, error=0.001, empty=2)


def lines(lang: str, ran: Interpreter | None = None, **fields: object) -> dict[str, str]:
    report = msgspec.structs.replace(REPORT, interpreter=ran)
    plain = Trial(index=0, status="complete", started_at="2026-11-25T00:00:00+00:00", seed=1, report=report)
    return dict(trial_section(msgspec.structs.replace(plain, **fields), lang).lines)


def label(lang: str, key: str) -> str:
    return sentence(lang, f"detail.{key}")


@pytest.mark.parametrize("lang", LANGUAGES)
def test_how_late_the_harness_was(lang: str) -> None:
    text = lines(lang, lateness=LATE)[label(lang, "harness_late")]
    assert all(part in text for part in ("1.40 µs", "31.0 µs", "p99.9 —", "2.10 ms", "6,000"))


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_the_witness_saw(lang: str) -> None:
    text = lines(lang, in_flight=SEEN)[label(lang, "in_flight")]
    assert all(part in text for part in ("0.800 / 0.796", "250", "2"))


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize(("apart", "shown"), [(None, ("3",)), (4, ("3", "4"))])
def test_how_python_ran(lang: str, apart: int | None, shown: tuple[str, ...]) -> None:
    ran = Interpreter(gil=True, switch_interval_s=0.005, collections=3, engine_collections=apart)
    text = lines(lang, ran)[label(lang, "interpreter")]
    assert label(lang, "gil") in text
    assert "5.00 ms" in text
    assert all(part in text for part in shown)
    free = lines(lang, msgspec.structs.replace(ran, gil=False))[label(lang, "interpreter")]
    assert label(lang, "no_gil") in free


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_record_of_an_earlier_version_says_nothing_of_it(lang: str) -> None:
    found = lines(lang)
    assert not {label(lang, key) for key in ("harness_late", "in_flight", "interpreter")} & set(found)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_an_open_loop_s_record_says_how_late_the_harness_was(lang: str) -> None:
    plain = samples.record()
    asked = msgspec.structs.replace(plain.measurement, scenario="trace", latency_bound_ns=15_000_000)
    record = msgspec.structs.replace(plain, measurement=asked, lateness=LATE)
    assert "31.0 µs" in dict(serving_section(record, lang).lines)[label(lang, "harness_late")]
    assert label(lang, "harness_late") not in dict(
        serving_section(msgspec.structs.replace(record, lateness=None), lang).lines
    )
