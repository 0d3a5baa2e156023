"""Rows: values with their interval and its kind, quality against its target, how far a number may be trusted."""

from __future__ import annotations

import msgspec
import pytest

from bench.records.findings import finding
from bench.records.record import Record
from bench.report.collected import collected
from bench.report.rows import quality_row, record_state, repetitions, row, rows
from bench.text import LANGUAGES
from tests.report import samples


@pytest.mark.parametrize(
    ("record", "value", "interval", "kind"),
    [
        (samples.record(), "35.2 ms", "[34.8, 35.6]", "95 %, within this run (batch means)"),
        (samples.standard(), "35.2 ms", "[34.8, 35.6]", "98.33 % over 5 repetitions"),
        (samples.partial(), "28.4 /s", "", "no interval: 1 repetition, 2 needed"),
        (samples.refused(), "—", "", "not given: 37 queries, at least 662 needed"),
        (samples.failed(), "—", "", "not measured"),
    ],
)
def test_primary_figure(record: Record, value: str, interval: str, kind: str) -> None:
    primary = row(record, "en").primary
    assert (primary.value, primary.interval, primary.kind) == (value, interval, kind)


@pytest.mark.parametrize(
    ("record", "state"),
    [
        (samples.record(), "quick"),
        (samples.standard(), "valid"),
        (samples.invalid(), "invalid"),
        (samples.partial(), "partial"),
        (samples.failed(), "invalid"),
        (samples.unverified(), "quick"),
    ],
)
def test_state(record: Record, state: str) -> None:
    assert record_state(record) == state


def test_a_partial_record_with_a_real_error_is_invalid() -> None:
    found = (*samples.partial().findings, finding("output-mismatch", "standard", 1, 0))
    assert record_state(samples.replace(samples.partial(), findings=found)) == "invalid"


def test_complete_with_too_few_repetitions_is_invalid() -> None:
    assert record_state(samples.replace(samples.partial(), status="complete")) == "invalid"


def test_valid_states_are_those_of_the_record() -> None:
    for record in samples.everything():
        assert record.valid == (record_state(record) in ("valid", "quick"))


def test_bound_of_early_stopping_is_no_two_sided_interval() -> None:
    figures = {figure.metric: figure for figure in row(samples.record(), "en").figures}
    bound = figures["latency_p90_early_stopping_ns"]
    assert (bound.value, bound.interval) == ("36.0 ms", "")
    assert bound.kind == "99 % upper bound, assumes independent queries"


def test_figures_come_primary_first_and_unknown_metrics_last() -> None:
    names = [figure.metric for figure in row(samples.hostile(), "en").figures]
    assert names[0] == "latency_p90_ns"
    assert names[-1] == samples.HOSTILE
    assert len(names) == len(set(names)) == len(samples.hostile().metrics)


def test_quality_against_its_target() -> None:
    shown = quality_row(samples.quality(), "en")
    assert (shown.metric, shown.value, shown.interval) == ("top-1 accuracy", "91.3 %", "[90.2, 92.4]")
    assert (shown.target, shown.samples, shown.state) == ("target 90.0 %", "768 of 2400 samples", "passed")
    assert quality_row(samples.quality(passed=False), "en").state_text == "failed"


def test_what_is_not_verified_never_passes() -> None:
    assert quality_row(samples.quality(passed=None), "en").state == "unverified"
    nothing = quality_row(None, "en")
    assert (nothing.state_text, nothing.value, nothing.target) == ("not verified", "", "")


def test_a_failed_repetition_does_not_count() -> None:
    assert repetitions(samples.standard()) == 5
    assert repetitions(samples.failed()) == 4


@pytest.mark.parametrize("cause", ["out-of-memory", "device-lost"])
def test_nor_does_one_whose_cause_is_known_while_a_failed_call_is_no_failed_repetition(cause: str) -> None:
    lost = finding(cause, "standard", "no room")
    assert repetitions(msgspec.structs.replace(samples.standard(), findings=(lost,))) == 4
    call = finding(cause, "standard", "no room", subject="calls")
    assert repetitions(msgspec.structs.replace(samples.standard(), findings=(call,))) == 5


def test_counts_and_order_of_findings() -> None:
    found = (finding("host-busy", "standard", 0.2, 0.05, "hypervisor"), finding("output-mismatch", "standard", 3, 0))
    shown = row(samples.record(mode="standard", findings=found), "en")
    assert shown.counts == "1 error, 1 warning"
    assert [entry.severity for entry in shown.findings] == ["error", "warning"]
    assert row(samples.record(), "en").counts == ""


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_record_has_a_row_in_every_language(lang: str) -> None:
    shown = rows(samples.everything(), lang)
    assert [entry.name for entry in shown[:-1]] == [record.measurement.name for record in samples.everything()[:-1]]
    assert "\x1b" not in shown[-1].name
    assert all(entry.primary.name and entry.state_note for entry in shown)


def test_collected_says_each_finding_once() -> None:
    busy = [finding("host-busy", "quick", share, 0.05, "other processes") for share in (0.12, 0.08)]
    same = finding("quality-not-verified", "quick", subject="no evaluation data")
    shown = rows([samples.record(findings=(busy[0], same)), samples.record("offline", findings=(busy[1], same))], "en")
    found = collected([(entry.name, entry.findings) for entry in shown], "en")
    assert [entry.code for entry in found] == ["host-busy", "quality-not-verified"]
    first, second = found[0].seen[0], found[1].seen[0]
    assert "12.0 %" in first.text
    assert first.measurements == ("image_classify.single_stream.fp32: 12.0 %", "image_classify.offline.fp32: 8.0 %")
    assert second.measurements == ("all measurements",)


def test_collected_keeps_subjects_apart() -> None:
    found = tuple(finding("host-busy", "quick", 0.12, 0.05, subject) for subject in ("other processes", "hypervisor"))
    shown = row(samples.record(findings=found), "en")
    (entry,) = collected([(shown.name, shown.findings)], "en")
    assert [seen.text.split(" took")[0] for seen in entry.seen] == ["Other processes", "The hypervisor"]
    assert all(seen.measurements == () for seen in entry.seen)


@pytest.mark.parametrize(("lang", "words"), [("en", "bf16 (asked: fp32)"), ("zh", "bf16（要求 fp32）")])
def test_the_precision_is_the_executed_one(lang: str, words: str) -> None:
    record = samples.standard()
    assert record.facts is not None
    facts = msgspec.structs.replace(record.facts, precision_executed="bf16")
    assert row(msgspec.structs.replace(record, facts=facts), lang).precision == words
    assert row(record, lang).precision == row(msgspec.structs.replace(record, facts=None), lang).precision == "fp32"
