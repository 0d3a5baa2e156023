"""The table of finding codes, with the severity that each has in each mode.

A finding holds a code and numbers; the sentence for people stands in the catalogues of `bench.text`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import msgspec

from bench.records.plan import Mode

Severity = Literal["info", "warning", "error"]
# Why an engine failed, where it said so; each is a finding code of its own.
Cause = Literal["out-of-memory", "device-lost"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something a reader must know beside a number: what was seen, and the limit it is held against."""

    code: str
    severity: Severity
    seen: float | str | None = None
    limit: float | str | None = None
    subject: str = ""


# code -> severity in (quick, standard, certified)
_TABLE: dict[str, tuple[Severity, Severity, Severity]] = {
    "too-few-queries": ("warning", "error", "error"),
    "too-short": ("warning", "error", "error"),
    "too-few-repetitions": ("info", "error", "error"),
    "budget-exhausted": ("warning", "warning", "error"),
    "interval-not-supported": ("info", "info", "info"),
    "interval-too-wide": ("info", "warning", "warning"),
    "not-steady": ("warning", "error", "error"),
    "quality-failed": ("error", "error", "error"),
    "quality-not-verified": ("warning", "warning", "error"),
    "quality-without-target": ("info", "warning", "error"),
    "quality-subset": ("info", "info", "error"),
    "quality-class-not-offered": ("info", "info", "info"),
    "robustness-loss": ("warning", "warning", "warning"),
    "non-finite-output": ("error", "error", "error"),
    "output-mismatch": ("error", "error", "error"),
    "bound-missed": ("error", "error", "error"),
    "no-rate-holds-bound": ("warning", "warning", "warning"),
    "inference-only": ("info", "info", "info"),
    "overloaded": ("error", "error", "error"),
    "harness-late": ("warning", "error", "error"),
    "search-too-wide": ("info", "warning", "warning"),
    "precision-mismatch": ("error", "error", "error"),
    "other-precision": ("warning", "warning", "error"),
    "input-cache": ("warning", "error", "error"),
    "challenge-failed": ("error", "error", "error"),
    "challenge-slower": ("error", "error", "error"),
    "challenge-not-made": ("warning", "warning", "error"),
    "nonce-self-drawn": ("info", "info", "warning"),
    "queries-failed": ("error", "error", "error"),
    "session-lost": ("error", "error", "error"),
    "repetition-failed": ("error", "error", "error"),
    "out-of-memory": ("error", "error", "error"),
    "device-lost": ("error", "error", "error"),
    "host-busy": ("warning", "warning", "error"),
    "clock-varied": ("info", "warning", "warning"),
    "memory-swapped": ("warning", "warning", "error"),
    "profile-contradicted": ("warning", "warning", "error"),
    "above-roofline": ("warning", "error", "error"),
    "host-offload": ("warning", "warning", "warning"),
    "state-changed": ("warning", "warning", "error"),
    "throttled": ("info", "warning", "warning"),
    "device-shared": ("warning", "warning", "error"),
    "on-battery": ("warning", "warning", "error"),
    "energy-not-covered": ("info", "warning", "warning"),
    "energy-uncertain": ("info", "info", "warning"),
    "energy-window-short": ("info", "info", "warning"),
    "meter-not-certified": ("info", "warning", "warning"),
    "garbage-collected": ("warning", "warning", "error"),
    "busy-time": ("error", "error", "error"),
    "repetitions-disagree": ("warning", "warning", "error"),
    "engine-differs": ("error", "error", "error"),
    "loadgen-invalid": ("warning", "warning", "warning"),
    "loadgen-disagrees": ("error", "error", "error"),
    "loadgen-counts-failures": ("warning", "warning", "warning"),
    "loadgen-clock-set": ("warning", "error", "error"),
    "loadgen-no-trace": ("info", "info", "info"),
    "loadgen-logged-errors": ("warning", "warning", "error"),
    "not-measured-here": ("info", "info", "error"),
}
CODES: tuple[str, ...] = tuple(_TABLE)
# A repetition without a result; without a subject, for a finding on single calls has one.
FAILED: frozenset[str] = frozenset({"repetition-failed", *get_args(Cause)})
# In mode `mlperf` a finding is as severe as in `standard`, except for these: there LoadGen's verdict is the one that
# counts, and one repetition is what MLPerf asks for.
_IN_MLPERF: dict[str, Severity] = {"loadgen-invalid": "error", "too-few-repetitions": "info"}
_MODE_COLUMN: dict[Mode, int] = {"quick": 0, "standard": 1, "certified": 2, "mlperf": 1}


def finding(
    code: str, mode: Mode, seen: float | str | None = None, limit: float | str | None = None, subject: str = ""
) -> Finding:
    """A finding with the severity its code has in `mode`. Raises KeyError for a code that is not in the table."""
    severity = _TABLE[code][_MODE_COLUMN[mode]]
    if mode == "mlperf":
        severity = _IN_MLPERF.get(code, severity)
    return Finding(code=code, severity=severity, seen=seen, limit=limit, subject=subject)


def error_codes(findings: Iterable[Finding]) -> list[str]:
    """The codes of what makes a number void, each once, sorted."""
    return sorted({entry.code for entry in findings if entry.severity == "error"})


def is_valid(findings: tuple[Finding, ...]) -> bool:
    """True when nothing found makes the number void."""
    return all(entry.severity != "error" for entry in findings)
