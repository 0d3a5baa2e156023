"""Huawei's Ascend cards, of which their own tool tells: `npu-smi info`, in lines of `name : value`.

Fields as in the tool's reference, hiascend.com/document (npu-smi info -l, -t board, -t memory).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence

from bench.hardware.pci import Found
from bench.records.profile import Accelerator

Ask = Callable[[Sequence[str]], str]
TOOL = "npu-smi"
_LIMIT_S = 20.0
_LINE = re.compile(r"^\s*([A-Za-z][^:]*?)\s*:\s*(.*?)\s*$", re.MULTILINE)
_NOTHING = ("", "NA", "N/A", "-")
_MOST_CARDS = 64


class NoTool(Exception):
    """The tool is not there or says nothing that is known; half a sentence."""


def ask_tool(arguments: Sequence[str]) -> str:
    """What it writes. Raises NoTool."""
    try:
        done = subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=_LIMIT_S, check=False)
    except FileNotFoundError:
        raise NoTool(f"{TOOL}, which tells of Ascend cards, is not installed") from None
    except (OSError, UnicodeDecodeError, subprocess.TimeoutExpired) as error:
        raise NoTool(f"{TOOL} cannot be asked: {' '.join(str(error).split())}") from None
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()[-1]
        raise NoTool(f"{TOOL} ends with {done.returncode}: {words}")
    return done.stdout


def ascend_cards(ask: Ask = ask_tool) -> list[Found]:
    """All cards. Raises NoTool where it cannot be asked for their list."""
    ids = [one for one in _values(ask(["info", "-l"]), "NPU ID") if one.isdigit()]
    if not ids:
        raise NoTool(f"{TOOL} lists no card")
    return [_card(ask, one) for one in ids[:_MOST_CARDS]]


def _card(ask: Ask, number: str) -> Found:
    why: dict[str, str] = {"power_limit_w": f"{TOOL} tells no limit of power"}
    board, memory = (_told(ask, what, number, why) for what in ("board", "memory"))
    # In all chips of the card; the older form of the tool has no total of a chip.
    sizes = _values(memory, "Total Capacity(MB)") or _values(memory, "Capacity(MB)") or _of_both_kinds(memory)
    bytes_ = sum(int(one) for one in sizes if one.isdigit() and len(one) < 9) << 20
    if not bytes_:
        why.setdefault("memory_bytes", f"{TOOL} tells no capacity")
    card = Accelerator(
        kind="npu",
        vendor="Huawei",
        model=_first(board, "Product Name") or _first(board, "Model"),
        memory_bytes=bytes_ or None,
        driver=_first(board, "Software Version"),
        firmware=_first(board, "Firmware Version"),
    )
    if card.model is None:
        why.setdefault("model", f"{TOOL} tells no name")
    return Found(card=card, serial=_first(board, "Serial Number"), why=why)


def _told(ask: Ask, what: str, number: str, why: dict[str, str]) -> str:
    try:
        return ask(["info", "-t", what, "-i", number])
    except NoTool as error:
        why["memory_bytes" if what == "memory" else "model"] = str(error)
        return ""


def _of_both_kinds(text: str) -> list[str]:
    return _values(text, "DDR Capacity(MB)") + _values(text, "HBM Capacity(MB)")


def _values(text: str, name: str) -> list[str]:
    return [value for key, value in _LINE.findall(text) if key == name and value not in _NOTHING]


def _first(text: str, name: str) -> str | None:
    return next(iter(_values(text, name)), None)
