"""Findings of several measurements brought together: each said once, with the measurements that it concerns."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.records.findings import Severity
from bench.report.rows import SEVERITIES, FindingRow, Row


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence, and the names of the measurements it was seen in."""

    text: str
    measurements: tuple[str, ...]


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """All findings of one code and severity."""

    code: str
    severity: Severity
    severity_text: str
    title: str
    seen: tuple[Seen, ...]
    why: str
    next: str


def collected(rows: Sequence[Row]) -> list[Collected]:
    """The findings of all rows, the gravest first, in the order in which they first appear."""
    groups: dict[tuple[Severity, str], list[tuple[str, FindingRow]]] = {}
    for row in rows:
        for found in row.findings:
            groups.setdefault((found.severity, found.code), []).append((row.name, found))
    return [_one(groups[key]) for key in sorted(groups, key=lambda key: SEVERITIES.index(key[0]))]


def _one(group: Sequence[tuple[str, FindingRow]]) -> Collected:
    first = group[0][1]
    texts: dict[str, list[str]] = {}
    for measurement, found in group:
        texts.setdefault(found.text.seen, []).append(measurement)
    return Collected(
        code=first.code,
        severity=first.severity,
        severity_text=first.severity_text,
        title=first.text.title,
        seen=tuple(Seen(text=text, measurements=tuple(names)) for text, names in texts.items()),
        why=first.text.why,
        next=first.text.next,
    )
