"""The machine in detail, as labelled lines: cards, memory, limits, firmware, and how much could not be read."""

from __future__ import annotations

from collections.abc import Iterator

from bench.records.profile import Accelerator, Hardware, Profile
from bench.report.details import Section, section
from bench.text import figures, sentence


def hardware_section(hardware: Hardware | None, lang: str) -> Section:
    """What was detected, filled up from the profile that the run named; nothing for records of before."""
    if hardware is None:
        return section(lang, "hardware", [])
    facts = hardware.facts
    lines: list[tuple[str, str | None]] = [
        ("hardware_profile", hardware.profile),
        ("hardware_class", facts.machine_class if hardware.profile else None),
        ("hardware_machine", _words(facts.platform.vendor, facts.platform.product)),
        ("hardware_sockets", _counts(facts)),
        ("hardware_isa", ", ".join(facts.cpu.isa) or None),
        ("hardware_memory", _memory(facts)),
        *[("hardware_accelerator", _card(card)) for card in facts.accelerators],
        *[("hardware_opencl", _words(one.platform, one.name)) for one in facts.opencl],
        ("hardware_container", _limits(facts)),
        ("hardware_firmware", facts.platform.firmware),
        ("hardware_origin", _origin(facts, lang)),
        ("hardware_price", _price(facts, lang)),
        ("hardware_unknown", _unknown(facts, lang)),
    ]
    return section(lang, "hardware", lines)


def _counts(facts: Profile) -> str | None:
    cpu = facts.cpu
    found = [cpu.sockets, cpu.cores, cpu.threads]
    return " / ".join(str(count) if count else figures.NONE for count in found) if any(found) else None


def _memory(facts: Profile) -> str | None:
    memory = facts.memory
    rate = f"{memory.transfers_per_s / 1e6:.0f} MT/s" if memory.transfers_per_s else None
    shape = f"{memory.modules} ×" if memory.modules else None
    return _words(figures.size(memory.bytes) if memory.bytes else None, shape, memory.type, rate)


def _card(card: Accelerator) -> str:
    parts = [
        f"{card.count} × {card.model}",
        figures.size(card.memory_bytes) if card.memory_bytes else None,
        f"{card.power_limit_w:.0f} W" if card.power_limit_w else None,
        "ECC" if card.ecc else None,
        "MIG" if card.partitioned else None,
        card.driver,
    ]
    return ", ".join(part for part in parts if part)


def _limits(facts: Profile) -> str | None:
    limits = facts.container
    quota = f"{limits.cpu_quota:g} CPU" if limits.cpu_quota else None
    memory = figures.size(limits.memory_limit_bytes) if limits.memory_limit_bytes else None
    return ", ".join(part for part in (limits.kind, quota, memory) if part) or None


def _origin(facts: Profile, lang: str) -> str | None:
    """What the vendor declares; the words say that nobody checked it."""
    declared = list(_declared(facts))
    return sentence(lang, "detail.hardware_declared", text="; ".join(declared)) if declared else None


def _declared(facts: Profile) -> Iterator[str]:
    for name in facts.origin.__struct_fields__:
        if value := getattr(facts.origin, name):
            yield f"{name}: {value}"


def _price(facts: Profile, lang: str) -> str | None:
    price = facts.price
    if price is None:
        return None
    text = f"{price.amount:,.2f} {price.currency} ({price.date}, {price.source})"
    return sentence(lang, "detail.hardware_declared", text=text)


def _unknown(facts: Profile, lang: str) -> str | None:
    names = ", ".join(facts.unknown)
    return sentence(lang, "detail.hardware_missing", count=len(facts.unknown), names=names) if names else None


def _words(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part) or None
