"""A typed profile held against a machine: what the machine contradicts, and the facts of both together."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from bench.hardware.profiles import redacted
from bench.records.profile import Accelerator, Contradiction, Hardware, Profile

_WORD = re.compile(r"[^\W_]+")
# What firmware and drivers keep for themselves is missing from memory as it is seen, and "GB" is 2^30 to some vendors.
_MEMORY_LESS, _MEMORY_MORE = 0.12, 0.08
_CLOSE = 0.02

Agrees = Callable[[object, object], bool]
Part = TypeVar("Part", bound=msgspec.Struct)


def _same_words(typed: object, detected: object) -> bool:
    """One has all the words of the other: `EPYC 9654` and `AMD EPYC 9654 96-Core Processor`."""
    one, two = (set(_WORD.findall(str(text).lower())) for text in (typed, detected))
    return one <= two or two <= one


def _equal(typed: object, detected: object) -> bool:
    return typed == detected or str(typed).lower() == str(detected).lower()


def _close(typed: object, detected: object) -> bool:
    assert isinstance(typed, int | float)
    assert isinstance(detected, int | float)
    return abs(detected / typed - 1.0) <= _CLOSE


def _as_much(typed: object, detected: object) -> bool:
    assert isinstance(typed, int)
    assert isinstance(detected, int)
    return 1.0 - _MEMORY_LESS <= detected / typed <= 1.0 + _MEMORY_MORE


def _has_all(typed: object, detected: object) -> bool:
    assert isinstance(typed, tuple)
    assert isinstance(detected, tuple)
    return set(typed) <= set(detected)


_RULES: dict[str, Agrees] = {
    "cpu.vendor": _same_words,
    "cpu.model": _same_words,
    "cpu.architecture": _equal,
    "cpu.sockets": _equal,
    "cpu.cores": _equal,
    "cpu.threads": _equal,
    "cpu.numa_nodes": _equal,
    "cpu.frequency_max_mhz": _close,
    "cpu.isa": _has_all,
    "memory.bytes": _as_much,
    "memory.type": _equal,
    "memory.modules": _equal,
    "memory.channels": _equal,
    "memory.transfers_per_s": _close,
    "platform.vendor": _same_words,
    "platform.product": _same_words,
    "platform.virtualised": _same_words,
    "software.system": _same_words,
}
_CARD_RULES: dict[str, Agrees] = {
    "count": _equal,
    "memory_bytes": _as_much,
    "power_limit_w": _close,
    "ecc": _equal,
    "partitioned": _equal,
    "compute_capability": _equal,
    "driver": _equal,
}


def hardware(detected: Profile, typed: Profile | None, name: str | None, sha256: str | None) -> Hardware:
    """What a run was made on: detected facts, filled up from the profile that it named."""
    if typed is None:
        return Hardware(facts=redacted(detected))
    return Hardware(
        facts=redacted(together(detected, typed)),
        profile=name,
        sha256=sha256,
        contradictions=contradictions(typed, detected),
    )


def contradictions(typed: Profile, detected: Profile) -> tuple[Contradiction, ...]:
    """Facts that both know and that do not agree; what one of them does not know contradicts nothing."""
    found = []
    for path, agrees in _RULES.items():
        table, field = path.split(".")
        one, two = getattr(getattr(typed, table), field), getattr(getattr(detected, table), field)
        if one and two and not agrees(one, two):
            found.append(_contradiction(path, one, two))
    return (*found, *_cards(typed.accelerators, detected.accelerators))


def together(detected: Profile, typed: Profile) -> Profile:
    """Detected facts where there are any, else the typed ones; name, class and declarations are the profile's."""
    parts = {part: _filled(getattr(detected, part), getattr(typed, part)) for part in ("cpu", "memory", "platform")}
    power = msgspec.structs.replace(typed.power, source=typed.power.source or detected.power.source)
    return msgspec.structs.replace(
        typed,
        **parts,
        power=power,
        accelerators=tuple(
            _filled(card, match) if (match := _match(card, typed.accelerators)) is not None else card
            for card in detected.accelerators
        )
        or typed.accelerators,
        opencl=detected.opencl or typed.opencl,
        disks=detected.disks,
        container=detected.container,
        software=detected.software,
        unknown=detected.unknown,
    )


def _filled(detected: Part, typed: Part) -> Part:
    known = {name: value for name in detected.__struct_fields__ if (value := getattr(detected, name)) not in (None, ())}
    return msgspec.structs.replace(typed, **known)


def _cards(typed: Sequence[Accelerator], detected: Sequence[Accelerator]) -> list[Contradiction]:
    if not detected:
        return []  # nothing here tells of cards, which is no word against one
    found = []
    for index, card in enumerate(typed):
        seen = _match(card, detected)
        if seen is None:
            models = ", ".join(f"{one.count} × {one.model}" for one in detected)
            found.append(_contradiction(f"accelerators[{index}].model", card.model, models))
            continue
        for field, agrees in _CARD_RULES.items():
            one, two = getattr(card, field), getattr(seen, field)
            if one is not None and two is not None and not agrees(one, two):
                found.append(_contradiction(f"accelerators[{index}].{field}", one, two))
    return found


def _match(card: Accelerator, others: Sequence[Accelerator]) -> Accelerator | None:
    named = [other for other in others if card.model and other.model]
    return next((other for other in named if _same_words(card.model, other.model)), None)


def _contradiction(path: str, typed: object, detected: object) -> Contradiction:
    return Contradiction(path=path, typed=_shown(typed), detected=_shown(detected))


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
