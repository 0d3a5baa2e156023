"""Findings and refusals as sentences: which variant of a code's text applies, and how its numbers are written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Final

import msgspec

from bench.records.findings import Finding
from bench.records.numbers import Refusal
from bench.text import figures
from bench.text.catalogue import catalogue, printable, sentence


class FindingText(msgspec.Struct, frozen=True, kw_only=True):
    """A finding in words: its short title, what was seen, why it matters, what to do next; and the value seen alone."""

    title: str
    seen: str
    value: str
    why: str
    next: str


_Writer = Callable[[float], str]
_COUNT, _SHARE, _RATIO, _SECONDS = figures.count, figures.share, figures.ratio, figures.duration
_WRITERS: Final[Mapping[str, _Writer]] = {
    "too-short": _SECONDS,
    "budget-exhausted": _SECONDS,
    "interval-too-wide": _SHARE,
    "quality-failed": _SHARE,
    "robustness-loss": _SHARE,
    "precision-mismatch": _RATIO,
    "precision-mismatch.int8-share": _SHARE,
    "precision-mismatch.int8-error": _RATIO,
    "bound-missed": _SHARE,
    "no-rate-holds-bound": figures.rate,
    "overloaded": _SHARE,
    "loadgen-clock-set": figures.latency,
    "harness-late": _SECONDS,
    "search-too-wide": _SHARE,
    "input-cache": _SHARE,
    "input-cache.fresh": _SHARE,
    "challenge-slower": _SHARE,
    "host-busy": _SHARE,
    "clock-varied": _SHARE,
    "host-offload": _SHARE,
    "above-roofline": _SHARE,
    "energy-uncertain": _SHARE,
    "energy-window-short": _SECONDS,
    "meter-not-certified": _SHARE,
    "repetitions-disagree": _SHARE,
    "interval-not-supported.correlation": _RATIO,
    "interval-not-supported.wide": _RATIO,
    "busy-time.worker-overlap": figures.latency,
    "busy-time.worker-busy-share": _SHARE,
    "busy-time.closed-loop": _SHARE,
    "busy-time.in-flight": _SHARE,
}
_REFUSAL_WRITERS: Final[Mapping[str, _Writer]] = {**_WRITERS, "queries-failed": _SHARE, "too-short": figures.latency}

# Codes whose sentence follows from what they are about.
_BY_SUBJECT: Final = frozenset(
    {"busy-time", "host-offload", "input-cache", "output-mismatch", "out-of-memory", "throttled"}
)


def finding_text(lang: str, found: Finding) -> FindingText:
    """The words of one finding; an unknown code, from a newer version, is named as it is."""
    known = f"finding.{found.code}.title" in catalogue(lang)
    base = f"finding.{found.code}" if known else "finding.unknown"
    values = _values(lang, found)
    return FindingText(
        title=sentence(lang, f"{base}.title", code=printable(found.code)),
        seen=_seen(lang, base, found, values),
        value=values["seen"],
        why=sentence(lang, f"{base}.why"),
        next=sentence(lang, f"{base}.next"),
    )


def refusal_text(lang: str, refusal: Refusal) -> str:
    """A few words on why a number or an interval is not given, to stand in its place."""
    variant = _variant(refusal.code, refusal.seen, refusal.limit, "")
    key = f"refusal.{refusal.code}{'-' + variant if variant else ''}"
    if key not in catalogue(lang):
        return refusal.code
    write = _REFUSAL_WRITERS.get(f"{refusal.code}.{variant}", _REFUSAL_WRITERS.get(refusal.code, _COUNT))
    return sentence(lang, key, seen=write(refusal.seen), limit=write(refusal.limit))


def _values(lang: str, found: Finding) -> dict[str, str]:
    variant = _variant(found.code, found.seen, found.limit, found.subject)
    write = _WRITERS.get(f"{found.code}.{variant}", _WRITERS.get(found.code, _COUNT))
    return {
        "code": printable(found.code),
        "seen": _written(found.seen, write),
        "limit": _written(found.limit, write),
        "subject": _subject(lang, found.subject),
    }


def _seen(lang: str, base: str, found: Finding, values: dict[str, str]) -> str:
    texts, variant = catalogue(lang), _variant(found.code, found.seen, found.limit, found.subject)
    for key in (f"{base}.seen-{variant}", f"{base}.seen"):
        if key in texts and all(values[field] for field in placeholders(texts[key])):
            text = sentence(lang, key, **values)
            return text[:1].upper() + text[1:] if texts[key].startswith("{subject}") else text
    return sentence(lang, f"{base}.bare")


def placeholders(text: str) -> set[str]:
    """Names of the values that a text takes."""
    return {field for _, field, _, _ in Formatter().parse(text) if field}


def _written(value: float | str | None, write: _Writer) -> str:
    if value is None or isinstance(value, str):
        return printable(value or "")
    # A count that is none says nothing: the sentence without numbers is used.
    return "" if write is _COUNT and value != int(value) else write(value)


def _subject(lang: str, subject: str) -> str:
    """What a finding is about, in words: a metric, a quality metric, a corruption, or one of the listed subjects."""
    texts = catalogue(lang)
    keys = (f"metric.{subject}.name", f"quality.{subject}", f"subject.{subject}", f"corruption.{subject}")
    return next((texts[key] for key in keys if key in texts), printable(subject))


def _variant(code: str, seen: float | str | None, limit: float | str | None, subject: str) -> str:
    """Which of a code's sentences applies: the same code is held against limits of several kinds."""
    if code in _BY_SUBJECT or (code == "engine-differs" and subject):
        return subject
    if code == "precision-mismatch" and subject in ("int8-share", "int8-error"):
        return subject
    if code == "challenge-failed" and isinstance(seen, str):
        return "refused"
    if isinstance(seen, str) or isinstance(limit, str) or seen is None or limit is None:
        return ""
    if code == "interval-not-supported":
        return "wide" if limit == 1.0 else "correlation" if limit < 1.0 else "batches"
    if code == "quality-failed" and seen >= limit:
        return "reference"
    return ""
