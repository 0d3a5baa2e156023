"""A measured peak as a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bench.records.roofline import MeasuredPeak


def told(one: MeasuredPeak, lang: str) -> str:
    """What was reached, with its interval; or why there is nothing."""
    from bench.text import figures, printable, sentence

    if one.per_s is None or one.interval is None:
        return printable(
            sentence(lang, "peaks.refused", device=one.device, precision=one.asked, why=one.refused or figures.NONE)
        )
    rows, size, depth = one.shape
    write = figures.operations if one.what == "product" else figures.size
    return printable(
        sentence(
            lang,
            f"peaks.{one.what}",
            device=one.device,
            precision=one.precision,
            value=write(one.per_s),
            low=write(one.interval.low),
            high=write(one.interval.high),
            calls=one.calls,
            rows=rows,
            size=size,
            depth=depth,
            moved=figures.size(4.0 * size * size),
            engine=one.engine,
        )
    )
