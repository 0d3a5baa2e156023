"""`bench.loadgen.mlperf.logs`: LoadGen's logs read exactly, or refused in one line; never half."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.loadgen.mlperf.logs import BadLogs, read_detail, read_trace

DETAIL, TRACE = "mlperf_log_detail.txt", "mlperf_log_trace.json"
# As 6.0.17 writes them.
LINE = ':::MLLOG {{"key": "{}", "value": {}, "time_ms": 1.5, "namespace": "mlperf::logging", "event_type": "POINT"}}'
SAMPLE = (
    '{{"name":"Sample","cat":"default","ph":"b","pid":1,"id":{n},"ts":{ts},"args":{{"sample_seq":{n},"query_seq":{n},'
    '"sample_idx":{label},"issue_start_ns":{issued},"complete_ns":{done}}}}},'
)
FOOTER = '{"name":"LastTrace"}\n],"displayTimeUnit":"ns","otherData":{\n"ts":1795608000000000.250,"version":"M"}}\n'
GOOD = (("loadgen_version", '"6.0.17"'), ("result_validity", '"VALID"'), ("result_samples_per_second", "81.5"))


def detail(folder: Path, entries: Sequence[tuple[str, str]] = GOOD) -> Path:
    (folder / DETAIL).write_text("\n".join(LINE.format(key, value) for key, value in entries) + "\n")
    return folder


def sample(n: int, ts: str = "10.125", label: int = 3, issued: int = 40, done: int = 900) -> str:
    return SAMPLE.format(n=n, ts=ts, label=label, issued=issued, done=done)


def trace(folder: Path, *lines: str, footer: str = FOOTER) -> Path:
    (folder / TRACE).write_text("\n".join(('{"traceEvents":[', *lines)) + "\n" + footer)
    return folder


# ---------------------------------------------------------------------------------------------------- detail log


def test_a_detail_log_gives_verdict_and_figures(tmp_path: Path) -> None:
    more = (("early_stopping_met", "true"), ("result_mean_latency_ns", "12"), ("effective_min_query_count", "7"))
    report = read_detail(detail(tmp_path, (*GOOD, *more, ("num_errors", "2"))), "offline")
    assert report.version == "6.0.17"
    assert (report.verdict, report.errors) == ("VALID", 2)
    assert report.published == "result_samples_per_second"
    assert report.figures == {"result_samples_per_second": 81.5, "result_mean_latency_ns": 12.0}


def test_why_a_test_is_invalid_is_one_line(tmp_path: Path) -> None:
    entries = (("result_validity", '"INVALID"'), ("result_invalid_reason", r'"Min queries\n  not met."'))
    report = read_detail(detail(tmp_path, entries), "server")
    assert (report.verdict, report.reason) == ("INVALID", "Min queries not met.")


def test_lines_that_are_no_json_are_left_out(tmp_path: Path) -> None:
    """LoadGen writes infinities bare and does not escape quotes."""
    hostile = (("result_x", "inf"), ("generic_message", '"a "quoted" word"'), ("result_y", "nan"))
    assert read_detail(detail(tmp_path, (*hostile, *GOOD)), "offline").figures == {"result_samples_per_second": 81.5}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00\xff" * 100,
        b":::MLLOG\n:::MLLOG []\n:::MLLOG 3\n",
        b':::MLLOG {"key": "result_validity"}\n',
        b':::MLLOG {"key": "result_validity", "value": "MAYBE"}\n',
        b':::MLLOG {"key": "result_validity", "value": ["VALID"]}\n',
        b':::MLLOG {"key": "result_validity", "value": "VAL',
        b':::MLLOG {"key": 7, "value": "VALID"}\n',
    ],
)
def test_a_log_without_a_verdict_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / DETAIL).write_bytes(content)
    with pytest.raises(BadLogs, match="has no verdict; the test did not run to its end") as caught:
        read_detail(tmp_path, "offline")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("value", ['"many"', "null", "[1]", "1.5"])
def test_a_count_of_errors_that_is_none_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadLogs, match="num_errors"):
        read_detail(detail(tmp_path, (*GOOD, ("num_errors", value))), "offline")


def test_no_log_at_all(tmp_path: Path) -> None:
    with pytest.raises(BadLogs, match=r"LoadGen left no log: .*: No such file"):
        read_detail(tmp_path, "offline")
    with pytest.raises(BadLogs, match="LoadGen left no trace: No such file"):
        read_trace(tmp_path, 1)


# --------------------------------------------------------------------------------------------------------- trace


def test_a_trace_gives_times_to_the_nanosecond_in_the_order_of_issue(tmp_path: Path) -> None:
    """Times since 1970 in ns do not fit a double: 1795608000000010 µs and 375 ns must come out whole."""
    lines = (sample(1, ts="20.5", label=0, issued=-2), '{"name":"Latency","ph":"C"},', sample(0))
    found = read_trace(trace(tmp_path, *lines), 2)
    origin_ns = 1_795_608_000_000_000_250
    assert found.scheduled_ns.tolist() == [origin_ns + 10_125, origin_ns + 20_500]
    assert found.issued_ns.tolist() == [origin_ns + 10_165, origin_ns + 20_498]
    assert found.completed_ns.tolist() == [origin_ns + 11_025, origin_ns + 21_400]
    assert found.label.tolist() == [3, 0]


@pytest.mark.parametrize(
    ("lines", "footer"),
    [
        ((sample(0),), FOOTER),  # one is missing
        ((sample(0), sample(0)), FOOTER),  # one is there twice
        ((sample(0), sample(1), sample(1)), FOOTER),
        ((sample(0), sample(1)), ""),  # cut before its end: no origin
        ((sample(0), sample(1)), '"otherData":{"ts":'),
        ((sample(0), sample(1)), '"otherData":{"ts":9999999999999999.0'),  # more nanoseconds than 64 bits hold
        ((), FOOTER),
    ],
)
def test_a_trace_that_is_not_whole_is_refused(tmp_path: Path, lines: tuple[str, ...], footer: str) -> None:
    with pytest.raises(BadLogs, match="trace is not whole"):
        read_trace(trace(tmp_path, *lines, footer=footer), 2)


@pytest.mark.parametrize(
    "line",
    [
        sample(2),  # a number that was not issued
        sample(1)[:90],  # cut in the middle
        sample(1).replace('"complete_ns":900', '"complete_ns":9e2'),
        sample(1).replace('"complete_ns":900', '"complete_ns":99999999999999999999'),
        sample(1).replace('"sample_seq":1', '"sample_seq":-1'),
        sample(1, ts="ten"),
        sample(1, ts="1.2.3"),
    ],
)
def test_a_line_that_is_not_understood_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadLogs, match="a line that is not understood") as caught:
        read_trace(trace(tmp_path, sample(0), line), 2)
    assert "\n" not in str(caught.value)
