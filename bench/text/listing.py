"""Codes of lists and policies as sentences, from the catalogues."""

from __future__ import annotations

from bench.records.listing import Remark
from bench.records.policy import Fault
from bench.text import name, printable, sentence

# Where the words of a gate have names.
_WORDS = {
    "mode": ("mode",),
    "origin": ("origin",),
    "division": ("division",),
    "attestation": ("attestation", "registry_standing"),
    "status": ("registry_status",),
    "both-senses": ("sense",),
}


def gate_words(lang: str, gate: str, words: str) -> str:
    """What a gate asks for or has seen, with the words of the records by their names."""
    if gate == "verified":
        key = "list.verified_required" if words == "conforms" else "list.verified_seen"
        return sentence(lang, key, count=printable(words))
    tables = _WORDS.get(gate, ())
    return ", ".join(_word(lang, tables, word) for word in words.split(", ")) if tables else printable(words)


def _word(lang: str, tables: tuple[str, ...], word: str) -> str:
    named = (text for table in tables if (text := name(lang, table, word)) != word)
    return next(named, printable(word))


def fault_text(lang: str, fault: Fault) -> str:
    """What is wrong with a policy, on one line."""
    return sentence(
        lang,
        f"policy_fault.{fault.code}",
        subject=printable(fault.subject),
        seen=printable(fault.seen)[:200],
        expected=printable(fault.expected),
    )


def remark_text(lang: str, remark: Remark) -> str:
    """What is to be said of a row, a list or a report, on one line."""
    if remark.code == "condition-not-met":
        gate = name(lang, "list_gate_name", remark.subject)
        return sentence(
            lang, f"list_remark.{remark.code}", subject=gate, seen=gate_words(lang, remark.subject, remark.seen)
        )
    if remark.code.startswith("requirement-"):
        metric = name(lang, "metric", f"{remark.seen}.name").removesuffix(".name")
        return sentence(lang, f"list_remark.{remark.code}", subject=printable(remark.subject), seen=metric)
    return sentence(
        lang,
        f"list_remark.{remark.code}",
        subject=printable(remark.subject)[:300],
        seen=printable(remark.seen)[:300],
    )
