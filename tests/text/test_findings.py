"""Findings and refusals in words: the right variant, the right numbers, and nothing that a record holds breaks them."""

from __future__ import annotations

import pytest

from bench.records.findings import CODES, Finding, finding
from bench.records.numbers import Refusal
from bench.text import LANGUAGES
from bench.text.findings import finding_text, refusal_text


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize(("seen", "limit"), [(None, None), (3, None), (0.04, 0.02), (3, 0), (2, 5), ("why", None)])
def test_every_code_reads_whole(code: str, lang: str, seen: float | str | None, limit: float | None) -> None:
    text = finding_text(lang, finding(code, "standard", seen, limit, "latency_p90_ns"))
    for part in (text.title, text.seen, text.why, text.next):
        assert part
        assert "{" not in part
        assert "None" not in part
    assert "  " not in text.seen


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (finding("too-few-queries", "quick", 37, 662, "latency_p99_ns"), "37 queries were completed; latency p99"),
        # A share instead of a count: the sentence without numbers.
        (finding("too-few-queries", "quick", 0.12, 0.1, "latency_p90_ns"), "The longest time allowed ran out"),
        (finding("too-short", "quick", 1.4812, 2.0), "The repetition lasted 1.48 s; at least 2.00 s"),
        (finding("host-busy", "quick", 0.123, 0.05, "other processes"), "Other processes took 12.3 % of the CPU time"),
        (finding("host-busy", "quick", 0.123, 0.02, "hypervisor"), "The hypervisor took"),
        (finding("interval-not-supported", "quick", 0.54123, 0.3), "correlated in time (0.54; limit 0.3)"),
        (finding("interval-not-supported", "quick", 7, 10), "Only 7 of the run's 20 parts"),
        (finding("interval-not-supported", "quick", 1.2, 1.0), "varied too much"),
        (finding("quality-failed", "quick", 0.87, 0.9, "top1"), "Top-1 accuracy is 87.0 %; the target is 90.0 %."),
        (finding("quality-failed", "quick", 0.91, 0.9, "top1"), "too far from the reference"),
        (finding("quality-not-verified", "quick", subject="no evaluation data"), "there are no evaluation data"),
        (finding("precision-mismatch", "quick", 3.2e-4, 1e-5, "fp32"), "up to 0.00032 (relative); fp32 allows 1e-05"),
        (finding("busy-time", "quick", 1500.0, 0.0, "worker-overlap"), "overlap by up to 1.50 µs"),
        (finding("busy-time", "quick", 1.04, 1.0, "worker-busy-share"), "busy for 104.0 %"),
        (finding("busy-time", "quick", 0.31, 0.02, "in-flight"), "differ by 31.0 % from those the timeline says"),
        (finding("busy-time", "quick", 7, 0, "empty-answer"), "In 7 looks of an independent thread the answer"),
        (finding("garbage-collected", "quick", 3, 0), "collector ran 3 times while the clock ran"),
        (finding("harness-late", "quick", 8.54e-3, 3e-3), "8.54 ms late (99th percentile) while a worker was free"),
        (finding("repetition-failed", "quick", "signal 11 in `run`"), "signal 11 in `run`"),
        (finding("out-of-memory", "quick", "no room for 8"), "Out of memory: no room for 8"),
        (finding("out-of-memory", "quick", "no room", subject="calls"), "failed for want of memory, such as: no room"),
        (finding("device-lost", "quick", "off the bus"), "The device was lost: off the bus"),
    ],
)  # fmt: skip
def test_sentences(found: Finding, words: str) -> None:
    assert words in finding_text("en", found).seen


def test_chinese_sentence() -> None:
    text = finding_text("zh", finding("host-busy", "quick", 0.123, 0.05, "other processes"))
    assert text.seen == "测量期间其他进程占用了 12.3 % 的 CPU 时间；容许至多 5.0 %。"


def test_a_code_of_another_version_is_named() -> None:
    text = finding_text("en", Finding(code="brand-new", severity="error", seen=1.0))
    assert "brand-new" in text.title


@pytest.mark.parametrize("lang", LANGUAGES)
def test_refusals(lang: str) -> None:
    for code, seen, limit in (
        ("too-few-queries", 37.0, 662.0),
        ("queries-failed", 0.25, 0.1),
        ("too-short", 0.0, 1.0),
        ("too-few-repetitions", 1.0, 2.0),
        ("interval-not-supported", 0.5, 0.3),
        ("interval-not-supported", 7.0, 10.0),
        ("interval-not-supported", 1.5, 1.0),
        ("non-finite-output", 3.0, 0.0),
        ("quality-not-verified", 0.0, 0.0),
    ):
        text = refusal_text(lang, Refusal(code=code, seen=seen, limit=limit))
        assert text != code
        assert "{" not in text
    assert refusal_text(lang, Refusal(code="brand-new", seen=1.0, limit=2.0)) == "brand-new"


def test_refusal_of_failed_queries_is_a_share() -> None:
    assert refusal_text("en", Refusal(code="queries-failed", seen=0.25, limit=0.1)) == "25.0 % of the queries failed"
