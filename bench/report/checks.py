"""What was watched while it was measured, in words: the harness itself, the engine's own process, the answers."""

from __future__ import annotations

from bench.records.job import Footage, HandOver, Interpreter, RoundTrip, Stages, Verification
from bench.records.numbers import InFlight, Lateness
from bench.text import figures, sentence


def in_flight_text(found: InFlight | None, lang: str) -> str | None:
    if found is None:
        return None
    seen, timeline = f"{found.seen:.3f}", f"{found.timeline:.3f}"
    looks, empty = figures.count(found.looks), figures.count(found.empty)
    return sentence(lang, "detail.in_flight_text", seen=seen, timeline=timeline, looks=looks, empty=empty)


def interpreter_text(ran: Interpreter | None, lang: str) -> str | None:
    if ran is None:
        return None
    text = sentence(
        lang,
        "detail.interpreter_text",
        gil=sentence(lang, "detail.gil" if ran.gil else "detail.no_gil"),
        interval=figures.duration(ran.switch_interval_s),
        collections=figures.count(ran.collections),
    )
    if ran.engine_collections is None:
        return text
    collections = figures.count(ran.engine_collections)
    return sentence(lang, "detail.interpreter_apart", text=text, collections=collections)


def lateness_text(late: Lateness | None, lang: str) -> str | None:
    """How late the harness began what was due while a worker was free; None where it is not an open loop's."""
    if late is None:
        return None
    p50, p99, p999, most = (
        figures.latency(value) if value is not None else figures.NONE
        for value in (late.p50_ns, late.p99_ns, late.p999_ns, late.max_ns)
    )
    return sentence(lang, "detail.late_text", p50=p50, p99=p99, p999=p999, most=most, count=figures.count(late.count))


def checked_text(checked: Verification | None) -> str | None:
    if checked is None:
        return None
    return f"{figures.count(checked.samples)} ({figures.count(checked.mismatched)})"


def stages_text(stages: Stages | None, lang: str) -> str | None:
    """Where the time of a sample goes that is answered end to end: shares, and the mean; None where it is not."""
    if stages is None or not stages.samples:
        return None
    parts = (stages.prepare_ns, stages.engine_ns, stages.answer_ns)
    whole = max(sum(parts), 1)
    prepare, engine, answer = (figures.share(part / whole) for part in parts)
    mean = figures.latency(whole / stages.samples)
    return sentence(lang, "detail.stages_text", prepare=prepare, engine=engine, answer=answer, mean=mean)


def footage_text(footage: Footage | None, lang: str) -> str | None:
    """What the cameras played, and what decoded it; None where none were watched."""
    if footage is None:
        return None
    return sentence(
        lang,
        "detail.footage_text",
        clips=figures.count(footage.clips),
        width=str(footage.width),
        height=str(footage.height),
        rate=f"{footage.bits_per_s / 1e6:.1f}",
        key_every=figures.count(footage.key_every),
        decoder=footage.decoder,
        threads=figures.count(footage.decoder_threads),
        sha256=footage.sha256[:16],
    )


def hand_over_text(measured: HandOver | RoundTrip | None) -> str | None:
    if measured is None:
        return None
    return f"{figures.latency(measured.p50_ns)} / {figures.latency(measured.p99_ns)}"
