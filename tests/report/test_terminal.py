"""The terminal: one table and the findings below it, at any width, without colour, whatever a record says."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from bench.records.record import Record
from bench.report.terminal import print_record, print_run, print_table, print_trial
from bench.text import LANGUAGES
from tests.report import samples


def printed(show: Callable[..., None], *values: Any, lang: str = "en", width: int = 120, colour: bool = False) -> str:
    stream = io.StringIO()
    terminal: dict[str, Any] = {"force_terminal": True, "color_system": "truecolor"} if colour else {}
    show(Console(file=stream, width=width, **terminal), *values, lang)
    return stream.getvalue()


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("width", [80, 120])
def test_table_fits_and_names_every_measurement(lang: str, width: int) -> None:
    records = samples.everything()[:-1]
    text = printed(print_table, records, lang=lang, width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert "\x1b" not in text
    for record in records:
        assert record.measurement.workload in text
    for figure in ("35.2 ms [34.8, 35.6]", "28.4 /s", "87.0 %"):
        assert figure in text


def test_words_say_what_colour_says() -> None:
    text = printed(print_table, samples.everything(), width=200)
    for word in ("INVALID", "PARTIAL", "not verified", "passed", "failed", "error: outputs differ [output-mismatch]"):
        assert word in text
    assert "95 %, within this run" in text
    assert "Quick mode: a look, no verdicts." in text


def test_standard_mode_has_no_quick_note() -> None:
    assert "Quick mode" not in printed(print_table, [samples.standard()])


def test_each_finding_is_said_once() -> None:
    records = [samples.unverified(), samples.replace(samples.unverified(), measurement=samples.record().measurement)]
    text = printed(print_table, records, width=200)
    assert text.count("The answers could not be judged") == 1
    assert "(all measurements)" in text


def test_no_records() -> None:
    assert printed(print_table, []) == "No measurement is kept yet.\n"


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("record", samples.everything(), ids=lambda record: str(len(record.metrics)))
@pytest.mark.parametrize("width", [80, 160])
def test_details_of_a_record(record: Record, lang: str, width: int) -> None:
    text = printed(print_record, record, lang=lang, width=width)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert record.run_id in text
    assert "None" not in text


def test_details_hold_all_metrics_hashes_and_quality() -> None:
    text = printed(print_record, samples.record(), width=160)
    for words in ("latency p99.9", "sha256:aa11", "sha256:bb22", "2,180 / 6 / 9 / 205", "-0.40, +0.20", "99.37 %"):
        assert words in text


def test_run_says_partial() -> None:
    records = [samples.partial()]
    text = printed(print_run, samples.run(records, mode="standard", status="partial"), records)
    assert "PARTIAL RUN" in text
    assert "bench run --resume 20260101T000000Z-abcd" in " ".join(text.split())
    assert "Debian GNU/Linux 12" in text


@pytest.mark.parametrize("lang", LANGUAGES)
def test_a_failed_repetition(lang: str) -> None:
    text = printed(print_trial, samples.failed_trial(), lang=lang)
    assert "signal 11 [bold]" in text


def test_hostile_text_controls_nothing() -> None:
    for show in (print_table, print_record):
        value: Any = [samples.hostile()] if show is print_table else samples.hostile()
        text = printed(show, value, width=200)
        assert "\x1b" not in text
        assert "<script>" in text
    assert "[bold]" in text  # markup is not read


def test_colour_is_used_on_a_terminal() -> None:
    assert "\x1b[" in printed(print_table, [samples.invalid()], colour=True)
