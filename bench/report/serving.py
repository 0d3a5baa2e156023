"""How the rate of an open-loop measurement was found: its bound, the search, and the attempts to confirm it."""

from __future__ import annotations

from bench.records.record import Record
from bench.records.search import Attempt, Search
from bench.report.details import Section, section
from bench.text import figures, sentence


def serving_section(record: Record, lang: str) -> Section:
    """Bound, search and attempts; without lines for a closed loop."""
    asked = record.measurement
    if asked.latency_bound_ns is None:
        return section(lang, "serving", [])
    fixed = figures.rate(asked.rate_per_s) if asked.rate_per_s is not None else None
    lines: list[tuple[str, str | None]] = [
        ("bound", sentence(lang, "detail.bound_text", bound=figures.latency(asked.latency_bound_ns))),
        ("max_wait", figures.latency(asked.max_wait_ns)),
        ("rate_fixed", fixed),
    ]
    if record.search is not None:
        lines += _search(record.search, lang)
    lines += [("attempt", _attempt(attempt, lang)) for attempt in record.attempts]
    return section(lang, "serving", lines)


def _search(search: Search, lang: str) -> list[tuple[str, str | None]]:
    cost = sentence(lang, "detail.search_text", trials=len(search.trials), time=figures.duration(search.seconds))
    ends = [
        figures.rate(end) if end is not None else figures.NONE for end in (search.passing_per_s, search.failing_per_s)
    ]
    return [("search", cost), ("search_offline", figures.rate(search.offline_per_s)), ("search_ends", " / ".join(ends))]


def _attempt(attempt: Attempt, lang: str) -> str:
    verdict = {True: "held", False: "not_held", None: "undecided"}[attempt.held]
    shares = ", ".join(figures.share(share) for share in attempt.late_shares) or figures.NONE
    return sentence(
        lang,
        "detail.attempt_text",
        rate=figures.rate(attempt.rate_per_s),
        verdict=sentence(lang, f"detail.{verdict}"),
        shares=shares,
    )
