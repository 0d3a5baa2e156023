"""Findings of several measurements brought together: each said once, with the measurements that it concerns."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.records.findings import Severity
from bench.report.rows import SEVERITIES, FindingRow
from bench.text import sentence


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence, as seen in the first measurement, and all measurements it concerns.

    Where the value seen differs between them, each name carries its own.
    """

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


_Named = tuple[str, FindingRow]


def collected(measurements: Sequence[tuple[str, Sequence[FindingRow]]], lang: str) -> list[Collected]:
    """The findings of all measurements, given by name, the gravest first, in the order in which they first appear."""
    groups: dict[tuple[Severity, str], list[_Named]] = {}
    for name, findings in measurements:
        for found in findings:
            groups.setdefault((found.severity, found.code), []).append((name, found))
    every = tuple(name for name, _ in measurements)
    return [_one(groups[key], every, lang) for key in sorted(groups, key=lambda key: SEVERITIES.index(key[0]))]


def _one(group: Sequence[_Named], every: tuple[str, ...], lang: str) -> Collected:
    first = group[0][1]
    subjects: dict[str, list[_Named]] = {}
    for entry in group:
        subjects.setdefault(entry[1].subject, []).append(entry)
    return Collected(
        code=first.code,
        severity=first.severity,
        severity_text=first.severity_text,
        title=first.text.title,
        seen=tuple(_seen(entries, every, lang) for entries in subjects.values()),
        why=first.text.why,
        next=first.text.next,
    )


def _seen(entries: Sequence[_Named], every: tuple[str, ...], lang: str) -> Seen:
    text = entries[0][1].text.seen
    names = tuple(name for name, _ in entries)
    if any(found.text.seen != text for _, found in entries):
        names = tuple(
            sentence(lang, "phrase.measurement", name=name, value=found.text.value) for name, found in entries
        )
    elif names == every:
        names = (sentence(lang, "table.all_measurements"),) if len(every) > 1 else ()
    return Seen(text=text, measurements=names)
