"""All accelerator cards of a machine, whoever tells of them: NVML, the PCI bus, npu-smi."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from bench.hardware.ascend import Ask, NoTool, ascend_cards, ask_tool
from bench.hardware.files import Files
from bench.hardware.nvml import NoNvml, Nvml, read_cards
from bench.hardware.pci import HUAWEI, NVIDIA, Found, cards_of_bus, slots
from bench.records.profile import Accelerator

_FIELD = "accelerators"
_ACCELERATOR, _DISPLAY = "12", "03"


class Cards(msgspec.Struct, frozen=True, kw_only=True):
    """Equal ones counted together; serial numbers; and why facts are not known, by their path in the profile."""

    found: tuple[Accelerator, ...]
    serials: tuple[str, ...]
    unknown: dict[str, str]
    nvidia: bool


def read_accelerators(files: Files, start_nvml: Callable[[], Nvml], ask: Ask = ask_tool) -> Cards:
    """Every reader once. Never raises for what cannot be read."""
    there = slots(files)
    cards: list[Accelerator] = []
    serials: list[str] = []
    unknown: dict[str, str] = {}
    reason = ""
    try:
        nvidia, ids = read_cards(start_nvml())
        cards.extend(nvidia)
        serials.extend(ids)
    except NoNvml as error:
        if any(one.vendor == NVIDIA and one.kind in (_DISPLAY, _ACCELERATOR) for one in there):
            unknown[f"{_FIELD}.nvidia"] = f"a card is on the bus, and {error}"
        nvidia, reason = (), str(error)
    others = cards_of_bus(files, there)
    if any(one.vendor == HUAWEI and one.kind == _ACCELERATOR for one in there):
        try:
            others += ascend_cards(ask)
        except NoTool as error:
            unknown[f"{_FIELD}.ascend"] = f"a card is on the bus, and {error}"
    for card, why in _counted(others):
        unknown |= {f"{_FIELD}[{len(cards)}].{field}": text for field, text in why.items()}
        cards.append(card)
    if not cards and reason:
        unknown[_FIELD] = reason
    serials += [one.serial for one in others if one.serial]
    return Cards(found=tuple(cards), serials=tuple(serials), unknown=unknown, nvidia=bool(nvidia))


def _counted(found: Sequence[Found]) -> list[tuple[Accelerator, dict[str, str]]]:
    """Equal cards together, with the reasons of the first of them."""
    counts: dict[Accelerator, int] = {}
    reasons: dict[Accelerator, dict[str, str]] = {}
    for one in found:
        counts[one.card] = counts.get(one.card, 0) + 1
        reasons.setdefault(one.card, one.why)
    return [(msgspec.structs.replace(card, count=count), reasons[card]) for card, count in counts.items()]
