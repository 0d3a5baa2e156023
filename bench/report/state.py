"""The state of the machine around a repetition, as labelled lines."""

from __future__ import annotations

from bench.records.state import State
from bench.report.details import Section
from bench.text import figures, name, printable, sentence


def state_section(state: State | None, lang: str) -> Section:
    """Each knob before and after, with its course in between; nothing for records of before."""
    lines: list[tuple[str, str]] = []
    for knob in state.before if state is not None else ():
        assert state is not None
        lines.append((name(lang, "knob", knob), printable(_line(state, knob, lang))))
    if state is not None:
        lines += [(sentence(lang, "host.tuned"), printable(entry)) for entry in state.tuned]
        if state.unread:
            names = ", ".join(name(lang, "knob", knob) for knob in state.unread)
            lines.append((sentence(lang, "detail.hardware_unknown"), names))
    return Section(title=sentence(lang, "host.title"), lines=tuple(lines))


def _line(state: State, knob: str, lang: str) -> str:
    before, after = _shown(state.before[knob]), _shown(state.after.get(knob))
    ends = before if before == after else f"{before} → {after}"
    course = state.during.get(knob)
    if course is None:
        return ends
    least, mean, most = (_shown(value) for value in (course.least, course.mean, course.most))
    return sentence(lang, "host.course", ends=ends, least=least, mean=mean, most=most)


def _shown(value: str | float | None) -> str:
    if value is None:
        return figures.NONE
    return value if isinstance(value, str) else f"{value:.6g}"
