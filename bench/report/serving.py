"""How the load of an open loop was given or found: its bound, the search, the attempts, the curve of a ramp."""

from __future__ import annotations

from bench.records.numbers import CurvePoint
from bench.records.plan import Measurement
from bench.records.record import Record
from bench.records.search import Attempt, Search
from bench.report.checks import lateness_text
from bench.report.details import Section, section
from bench.text import figures, sentence

_Lines = list[tuple[str, str | None]]


def serving_section(record: Record, lang: str) -> Section:
    """Bound, load, search and attempts, or the curve; without lines for a closed loop."""
    asked = record.measurement
    if asked.latency_bound_ns is None:
        return section(lang, "serving", [])
    lines = _asked(asked, lang) + _together(record)
    if record.search is not None:
        lines += _search(record.search, asked, lang)
    lines += [("attempt", _attempt(attempt, asked, lang)) for attempt in record.attempts]
    lines.append(("harness_late", lateness_text(record.lateness, lang)))
    shown = section(lang, "serving", lines)
    curve = tuple(_point(point, lang) for point in record.curve)
    return Section(title=shown.title, lines=shown.lines + curve)


def _asked(asked: Measurement, lang: str) -> _Lines:
    bound = figures.latency(asked.latency_bound_ns or 0)
    lines: _Lines = [("max_wait", figures.latency(asked.max_wait_ns))]
    if asked.timeout_ns is not None:
        lines.append(("timeout", figures.latency(asked.timeout_ns)))
    if asked.frames_per_s is not None:
        frames = figures.rate(asked.frames_per_s)
        lines.insert(0, ("cameras", sentence(lang, "detail.cameras_text", frames=frames, bound=bound)))
    else:
        lines.insert(0, ("bound", sentence(lang, "detail.bound_text", bound=bound)))
    if asked.trace_sha256 is not None and asked.trace_queries and asked.rate_per_s:
        seconds = figures.duration(asked.trace_queries / asked.rate_per_s)
        queries = figures.count(asked.trace_queries)
        text = sentence(lang, "detail.trace_text", queries=queries, time=seconds, sha256=asked.trace_sha256)
        return [*lines, ("trace", text)]
    if asked.rate_per_s is not None:
        label = "rate_fixed" if asked.frames_per_s is None else "channels_fixed"
        lines.append((label, _load(asked.rate_per_s, asked)))
    return lines


def _together(record: Record) -> _Lines:
    """The rates of workloads that were driven at the same time."""
    driven = {name: figures.rate(rate) for name, rate in record.together.items()}
    own = driven.pop(record.measurement.workload, None)
    return [("rate_driven", own), ("beside", ", ".join(f"{name} {rate}" for name, rate in driven.items()) or None)]


def _load(rate_per_s: float, asked: Measurement) -> str:
    """A load as its scenario counts it."""
    if asked.frames_per_s is None:
        return figures.rate(rate_per_s)
    return figures.figure("channels", rate_per_s / asked.frames_per_s)


def _search(search: Search, asked: Measurement, lang: str) -> _Lines:
    cost = sentence(lang, "detail.search_text", trials=len(search.trials), time=figures.duration(search.seconds))
    ends = [
        _load(end, asked) if end is not None else figures.NONE for end in (search.passing_per_s, search.failing_per_s)
    ]
    return [("search", cost), ("search_offline", figures.rate(search.offline_per_s)), ("search_ends", " / ".join(ends))]


def _attempt(attempt: Attempt, asked: Measurement, lang: str) -> str:
    verdict = {True: "held", False: "not_held", None: "undecided"}[attempt.held]
    shares = ", ".join(figures.share(share) for share in attempt.late_shares) or figures.NONE
    return sentence(
        lang,
        "detail.attempt_text",
        rate=_load(attempt.rate_per_s, asked),
        verdict=sentence(lang, f"detail.{verdict}"),
        shares=shares,
    )


def _point(point: CurvePoint, lang: str) -> tuple[str, str]:
    p50, p99 = (
        figures.latency(value) if value is not None else figures.NONE
        for value in (point.latency_p50_ns, point.latency_p99_ns)
    )
    text = sentence(
        lang,
        "detail.curve_text",
        completed=figures.rate(point.completed_per_s),
        goodput=figures.rate(point.goodput_per_s),
        p50=p50,
        p99=p99,
    )
    return sentence(lang, "detail.curve", offered=figures.rate(point.offered_per_s)), text
