"""Energy of a measurement, source by source; "not measured" where there was none to be read."""

from __future__ import annotations

from bench.records.energy import Energy, EnergySource
from bench.report.details import Section
from bench.text import figures, name, printable, sentence


def energy_section(energy: Energy | None, lang: str) -> Section:
    """A line for each source, and why others could not be read."""
    title = sentence(lang, "energy.title")
    lines = [(printable(one.name), _line(one, energy, lang)) for one in energy.sources] if energy is not None else []
    if not lines:
        lines.append((sentence(lang, "energy.none"), sentence(lang, "energy.not_measured")))
    if energy is not None:
        lines += [(f"{name(lang, 'energy_source', kind)}", printable(why)) for kind, why in energy.unread.items()]
        if energy.reading_share is not None:
            lines.append((sentence(lang, "energy.reading"), figures.share(energy.reading_share)))
    return Section(title=title, lines=tuple(lines))


def _line(one: EnergySource, energy: Energy, lang: str) -> str:
    kind = sentence(
        lang,
        "energy.kind",
        source=name(lang, "energy_source", one.source),
        scope=name(lang, "energy_scope", one.scope),
        how=name(lang, "energy_how", one.how),
    )
    if one.joules is None or one.error_j is None:
        return sentence(lang, "energy.uncovered", kind=kind)
    idle = " / ".join(figures.power(watts) if watts is not None else figures.NONE for watts in _idle(one))
    return sentence(
        lang,
        "energy.line",
        kind=kind,
        joules=figures.energy(one.joules),
        error=figures.energy(one.error_j),
        window=figures.duration(energy.window_s),
        power=figures.power(one.joules / energy.window_s if energy.window_s else 0.0),
        idle=idle,
    )


def _idle(one: EnergySource) -> tuple[float | None, float | None]:
    return one.idle_before_w, one.idle_after_w
