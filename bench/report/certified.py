"""What a reader is told of the nonce and of the challenge."""

from __future__ import annotations

from bench.records.job import Challenge
from bench.records.record import Nonce
from bench.text import figures, name, sentence


def nonce_text(nonce: Nonce | None, lang: str) -> str | None:
    """A nonce and where it comes from; None where there is none."""
    if nonce is None:
        return None
    return sentence(lang, "phrase.labelled", label=nonce.value, text=name(lang, "nonce_origin", nonce.origin))


def challenge_lines(asked: Challenge | None, lang: str) -> list[tuple[str, str | None]]:
    """What came of the challenge, as (key of the label, value); nothing where there was none."""
    if asked is None:
        return []
    if asked.refused is not None:
        how = "refused" if asked.refused_by == "engine" else "not_made"
        return [("challenge", sentence(lang, f"challenge.{how}", why=asked.refused))]
    right = figures.count(asked.samples - asked.mismatched)
    error = figures.ratio(asked.largest_error) if asked.largest_error is not None else "∞"
    tolerance = figures.ratio(asked.tolerance) if asked.tolerance is not None else "∞"
    return [
        ("challenge", sentence(lang, "challenge.answered", count=right, total=figures.count(asked.samples))),
        ("challenge_error", f"{error} ({tolerance})"),
        ("challenge_slower", figures.share(asked.slower) if asked.slower is not None else None),
        ("challenge_network", asked.model_hash),
    ]
