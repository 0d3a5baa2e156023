"""The measured floor of this host in words: what it means for the smallest latency that can be told apart here."""

from __future__ import annotations

import sys

from bench.host.check import Check
from bench.host.floor import SPIN_NS, Floor, has_gil
from bench.records.numbers import Lateness
from bench.scoring.lateness import HARNESS_LATE
from bench.text import figures, sentence

_SLOW_READING_NS = 1000.0
# The shortest latency bound among the suite's workloads.
_SHORTEST_BOUND_NS = 15_000_000


def floor_checks(floor: Floor, lang: str) -> list[Check]:
    """Clock, waits, switches, and what follows from them."""
    return [
        _clock(floor, lang),
        Check(name="sleep", state="ok", seen=_delays(floor.asleep, lang)),
        Check(name="waiting", state="ok", seen=_spinning(floor.waiting, lang)),
        Check(name="switching", state="ok", seen=_delays(floor.switching, lang)),
        _told_apart(floor, lang),
        _interpreter(lang),
    ]


def _clock(floor: Floor, lang: str) -> Check:
    reading, step = figures.latency(floor.reading_ns), figures.latency(floor.step_ns)
    slow = floor.reading_ns > _SLOW_READING_NS
    return Check(
        name="clock",
        state="warning" if slow else "ok",
        seen=sentence(lang, "doctor.clock", reading=reading, step=step),
        advice=sentence(lang, "doctor.clock_advice") if slow else "",
    )


def _told_apart(floor: Floor, lang: str) -> Check:
    """The floor proper. `harness-late` voids open loops whose bound is under ten times the 99th percentile of waits."""
    waits, least_ns = floor.waiting, floor.waiting.judged_ns / HARNESS_LATE
    high = least_ns > _SHORTEST_BOUND_NS
    seen = sentence(
        lang,
        "doctor.floor",
        closed=figures.latency(floor.closed_loop_ns),
        median=figures.latency(waits.p50_ns),
        p99=figures.latency(waits.judged_ns),
        bound=figures.latency(least_ns),
    )
    advice = sentence(lang, "doctor.floor_advice", bound=figures.latency(_SHORTEST_BOUND_NS)) if high else ""
    return Check(name="floor", state="warning" if high else "ok", seen=seen, advice=advice)


def _interpreter(lang: str) -> Check:
    interval = figures.duration(sys.getswitchinterval())
    key = "doctor.interpreter" if has_gil() else "doctor.interpreter_free"
    return Check(name="interpreter", state="ok", seen=sentence(lang, key, interval=interval))


def _spinning(seen: Lateness, lang: str) -> str:
    return sentence(lang, "doctor.spinning", spin=figures.latency(SPIN_NS), delays=_delays(seen, lang))


def _delays(seen: Lateness, lang: str) -> str:
    p99 = figures.NONE if seen.p99_ns is None else figures.latency(seen.p99_ns)
    most, count = figures.latency(seen.max_ns), figures.count(seen.count)
    return sentence(lang, "doctor.delays", p50=figures.latency(seen.p50_ns), p99=p99, most=most, count=count)
