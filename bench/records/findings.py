"""The table of finding codes, with the severity that each has in each mode.

A finding holds a code and numbers; the sentence for people stands in the catalogues of `bench.text`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from bench.records.plan import Mode

Severity = Literal["info", "warning", "error"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """Something a reader must know beside a number: what was seen, and the limit it is held against."""

    code: str
    severity: Severity
    seen: float | str | None = None
    limit: float | str | None = None
    subject: str = ""


# code -> severity in (quick, standard)
_TABLE: dict[str, tuple[Severity, Severity]] = {
    "too-few-queries": ("warning", "error"),
    "too-short": ("warning", "error"),
    "too-few-repetitions": ("info", "error"),
    "budget-exhausted": ("warning", "warning"),
    "interval-not-supported": ("info", "info"),
    "interval-too-wide": ("info", "warning"),
    "not-steady": ("warning", "error"),
    "quality-failed": ("error", "error"),
    "quality-not-verified": ("warning", "warning"),
    "quality-subset": ("info", "info"),
    "quality-class-not-offered": ("info", "info"),
    "non-finite-output": ("error", "error"),
    "output-mismatch": ("error", "error"),
    "bound-missed": ("error", "error"),
    "no-rate-holds-bound": ("warning", "warning"),
    "overloaded": ("error", "error"),
    "harness-late": ("warning", "error"),
    "search-too-wide": ("info", "warning"),
    "precision-mismatch": ("error", "error"),
    "input-cache": ("warning", "error"),
    "queries-failed": ("error", "error"),
    "session-lost": ("error", "error"),
    "repetition-failed": ("error", "error"),
    "host-busy": ("warning", "warning"),
    "clock-varied": ("info", "warning"),
    "memory-swapped": ("warning", "warning"),
    "host-offload": ("warning", "warning"),
    "garbage-collected": ("warning", "warning"),
    "busy-time": ("error", "error"),
    "repetitions-disagree": ("warning", "warning"),
    "engine-differs": ("error", "error"),
    "loadgen-invalid": ("warning", "warning"),
    "loadgen-disagrees": ("error", "error"),
    "loadgen-counts-failures": ("warning", "warning"),
    "loadgen-clock-set": ("warning", "error"),
    "loadgen-no-trace": ("info", "info"),
}
CODES: tuple[str, ...] = tuple(_TABLE)
_MODE_COLUMN: dict[Mode, int] = {"quick": 0, "standard": 1}


def finding(
    code: str, mode: Mode, seen: float | str | None = None, limit: float | str | None = None, subject: str = ""
) -> Finding:
    """A finding with the severity its code has in `mode`. Raises KeyError for a code that is not in the table."""
    return Finding(code=code, severity=_TABLE[code][_MODE_COLUMN[mode]], seen=seen, limit=limit, subject=subject)


def is_valid(findings: tuple[Finding, ...]) -> bool:
    """True when nothing found makes the number void."""
    return all(entry.severity != "error" for entry in findings)
