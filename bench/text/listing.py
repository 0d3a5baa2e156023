"""Codes of lists and policies as sentences, from the catalogues."""

from __future__ import annotations

from bench.records.listing import Remark
from bench.records.policy import QUALITY, Fault
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
    subject, seen = remark.subject, remark.seen
    if remark.code.startswith("condition-"):
        subject, seen = name(lang, "list_gate_name", subject), gate_words(lang, subject, seen)
    elif remark.code.startswith("requirement-"):
        seen = _metric(lang, seen)
    elif remark.code in ("no-value", "invalid"):
        subject, seen = _metric(lang, subject), ", ".join(_title(lang, code) for code in seen.split(", "))
    return sentence(lang, f"list_remark.{remark.code}", subject=printable(subject)[:300], seen=printable(seen)[:300])


def _metric(lang: str, metric: str) -> str:
    """The name of a metric; of quality and of what is no metric, the text itself."""
    if metric == QUALITY:
        return sentence(lang, "test_report.quality")
    return name(lang, "metric", f"{metric}.name").removesuffix(".name")


def _title(lang: str, code: str) -> str:
    """What a finding is called, with its code."""
    title = name(lang, "finding", f"{code}.title")
    return code if title == f"{code}.title" else f"{title} [{code}]"
