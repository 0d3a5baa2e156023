"""How much of the device's peak a measurement used, as labelled lines."""

from __future__ import annotations

from bench.records.roofline import Roofline, Utilisation
from bench.report.details import Section, section
from bench.text import figures, sentence


def roofline_section(found: Roofline | None, lang: str) -> Section:
    """Operations per second, intensity, and shares of the peaks that the hardware profile has."""
    if found is None:
        return section(lang, "roofline", [])
    lines: list[tuple[str, str | None]] = [
        ("roofline_achieved", figures.operations(found.achieved_ops_per_s)),
        ("roofline_sample", _sample(found, lang)),
        *[("roofline_used", _used(one, lang)) for one in found.peaks],
    ]
    if not found.peaks:
        lines.append(("roofline_used", sentence(lang, "detail.roofline_no_peak")))
    if found.limit_ops_per_s is not None and found.limited_by is not None:
        limit = sentence(
            lang, f"detail.roofline_by_{found.limited_by}", limit=figures.operations(found.limit_ops_per_s)
        )
        lines.append(("roofline_limit", limit))
    return section(lang, "roofline", lines)


def _sample(found: Roofline, lang: str) -> str:
    intensity = found.ops_per_sample / found.bytes_per_sample
    return sentence(
        lang,
        "detail.roofline_sample_text",
        operations=f"{found.ops_per_sample:.3g}",
        moved=figures.size(found.bytes_per_sample),
        intensity=f"{intensity:.3g}",
    )


def _used(one: Utilisation, lang: str) -> str:
    peak = figures.operations(one.ops_per_s)
    return sentence(lang, "detail.roofline_used_text", share=figures.share(one.share), peak=peak, source=one.source)
