"""LoadGen's logs read back: the verdict and figures of the detail log, and per sample the times of the trace.

They may be anybody's: what is imported was written elsewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal  # Any: values of the detail log

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import EngineError
from bench.records.loadgen import LoadGenReport
from bench.records.plan import Scenario
from bench.records.untrusted import LIMIT_BYTES, BadFile, parse_json, read_bytes

DETAIL, SUMMARY, TRACE = "mlperf_log_detail.txt", "mlperf_log_summary.txt", "mlperf_log_trace.json"
_PREFIX = b":::MLLOG "
_KEY = re.compile(rb'\{"key": "([^"\\]{1,100})", ')
_WANTED = re.compile(r"(?:result|early_stopping|effective)_.*|loadgen_version|test_datetime|num_errors|qsl_reported_.*")
# The longest line that is wanted names why a test is invalid.
_LONGEST_LINE = 1 << 16
_SAMPLE = b'{"name":"Sample","cat":"default","ph":"b"'
# No more digits than 64 bits hold, times in microseconds also as nanoseconds.
_FIELDS = re.compile(
    rb'"ts":(\d{1,12}(?:\.\d+)?),"args":\{"sample_seq":(\d{1,9}),"query_seq":(\d{1,9}),"sample_idx":(\d{1,18}),'
    rb'"issue_start_ns":(-?\d{1,18}),"complete_ns":(-?\d{1,18})\}'
)
_ORIGIN = re.compile(rb'"otherData":\{\s*"ts":((?:[0-8]\d{15}|\d{1,15})(?:\.\d+)?)\b')
_FOOTER_BYTES = 4096
_LARGEST = 2**63
# What the submission checker takes for each scenario; of `offline` and `server` the summary shows the same.
_PUBLISHED: dict[Scenario, str] = {
    "single_stream": "early_stopping_latency_ss",
    "multi_stream": "early_stopping_latency_ms",
    "server": "result_completed_samples_per_sec",
    "offline": "result_samples_per_second",
}


class BadLogs(EngineError):
    """LoadGen left logs that are not whole, or none."""


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Times of every sample in the order of issue, ns of LoadGen's clock, (samples,); and the label it was drawn by."""

    scheduled_ns: NDArray[np.int64]
    issued_ns: NDArray[np.int64]
    completed_ns: NDArray[np.int64]
    label: NDArray[np.int64]


def read_detail(folder: Path, scenario: Scenario) -> LoadGenReport:
    """The verdict and figures of a test that LoadGen left in `folder`. Raises BadLogs."""
    return report_of(folder / DETAIL, detail_values(folder / DETAIL), scenario)


def detail_values(path: Path) -> dict[str, Any]:
    """What a detail log says under the keys that describe a test and its result, by key.

    A value that is no JSON (an infinity, a message with a quote in it: LoadGen escapes nothing) is left out. Raises
    BadLogs where there is no log, it is larger than 64 MiB, or it says two things under one key.
    """
    try:
        content = read_bytes(path, LIMIT_BYTES)
    except BadFile as error:
        raise BadLogs(f"LoadGen left no log: {error}") from None
    values: dict[str, Any] = {}
    for line in content.split(b"\n"):
        if not line.startswith(_PREFIX):
            continue
        found = _KEY.match(line, len(_PREFIX))
        name = found[1].decode(errors="replace") if found is not None else ""
        if not _WANTED.fullmatch(name):
            continue
        told = _entry(line.removeprefix(_PREFIX), path)
        if told is None:
            continue
        entry = told.get("value")
        if name in values and values[name] != entry:
            both = f"{str(values[name])[:40]} and {str(entry)[:40]}"
            raise BadLogs(f"{path}: says {both} under {name}: that is no log of one test")
        values[name] = entry
    return values


def report_of(path: Path, values: dict[str, Any], scenario: Scenario) -> LoadGenReport:
    """Verdict and figures among the values of the log at `path`. Raises BadLogs where they are not a result."""
    verdict: Literal["VALID", "INVALID"] | None = values.get("result_validity")
    if verdict not in ("VALID", "INVALID"):
        raise BadLogs(f"{path}: LoadGen's log has no verdict; the test did not run to its end")
    errors = values.get("num_errors", 0)
    if not isinstance(errors, int) or isinstance(errors, bool):
        raise BadLogs(f"{path}: LoadGen's log has a `num_errors` that is no number: {str(errors)[:40]!r}")
    return LoadGenReport(
        version=str(values.get("loadgen_version", ""))[:100],
        verdict=verdict,
        reason=" ".join(str(values.get("result_invalid_reason", "")).split())[:1000],
        published=_PUBLISHED[scenario],
        figures={name: float(value) for name, value in values.items() if _is_figure(name, value)},
        errors=errors,
    )


def read_trace(folder: Path, samples: int) -> Trace:
    """The times of `samples` samples, read line by line. Raises BadLogs when one is missing or there are others."""
    path = folder / TRACE
    columns = np.full((4, samples), -1, np.int64)
    found = 0
    try:
        with open(path, "rb") as file:
            for line in file:
                if line.startswith(_SAMPLE):
                    found += 1
                    _place(line, columns, path)
            file.seek(max(0, file.tell() - _FOOTER_BYTES))
            origin = _ORIGIN.search(file.read())
    except OSError as error:
        raise BadLogs(f"{path}: LoadGen left no trace: {error.strerror or error}") from None
    if origin is None or found != samples or (columns[3] < 0).any():
        raise BadLogs(f"{path}: LoadGen's trace is not whole: {found} of {samples} samples")
    scheduled = columns[0] + _nanoseconds(origin.group(1))
    return Trace(
        scheduled_ns=scheduled,
        issued_ns=scheduled + columns[1],
        completed_ns=scheduled + columns[2],
        label=columns[3],
    )


def _entry(line: bytes, path: Path) -> dict[str, Any] | None:
    """What a line says; None where it is no JSON, which LoadGen's own may be."""
    if len(line) > _LONGEST_LINE:
        raise BadLogs(f"{path}: a line of {len(line)} bytes; LoadGen writes none that is so long")
    try:
        return parse_json(line, dict[str, Any], str(path))
    except BadFile:
        return None


def _is_figure(name: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # A whole number may be larger than any float.
    return name.startswith(("result_", "early_stopping_")) and abs(value) < _LARGEST


def _place(line: bytes, columns: NDArray[np.int64], path: Path) -> None:
    fields = _FIELDS.search(line)
    if fields is None or int(fields.group(2)) >= columns.shape[1]:
        raise BadLogs(f"{path}: LoadGen's trace has a line that is not understood: {line[:200]!r}")
    ts, number, _, label, issued, completed = fields.groups()
    columns[:, int(number)] = (_nanoseconds(ts), int(issued), int(completed), int(label))


def _nanoseconds(microseconds: bytes) -> int:
    """Exactly, from decimal microseconds: a double would lose the last digits of a time since 1970."""
    whole, _, part = microseconds.partition(b".")
    return int(whole) * 1000 + int(part.ljust(3, b"0")[:3] or b"0")
