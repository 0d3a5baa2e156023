"""Codes of lists and policies as sentences, from the catalogues."""

from __future__ import annotations

from bench.records.listing import Remark
from bench.records.policy import Fault
from bench.text import printable, sentence


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
    """What is to be said of a row or a list, on one line."""
    return sentence(
        lang,
        f"list_remark.{remark.code}",
        subject=printable(remark.subject)[:300],
        seen=printable(remark.seen)[:300],
    )
