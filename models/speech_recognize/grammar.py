"""What is said: numbers, telephone numbers, times, addresses and commands, drawn word by word.

A sentence is a list of phrases, a phrase a list of words of `words.py`; knows nothing of sound.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

from bench.models.speech_command.acoustics import uniforms
from bench.models.speech_recognize.words import DIGITS

Phrase = list[str]
Sentence = list[Phrase]
Known = Mapping[str, Sequence[str]]
Choice = TypeVar("Choice")
COMMAND = "command"


class Draws:
    """Choices made by a stream of random words, one after the other."""

    def __init__(self, words: np.random.PCG64) -> None:
        self._words = words

    def share(self) -> float:
        """In [0, 1)."""
        return float(uniforms(self._words, 1)[0])

    def between(self, low: float, high: float) -> float:
        """In [low, high)."""
        return low + self.share() * (high - low)

    def number(self, low: int, beyond: int) -> int:
        """One of low, …, beyond - 1."""
        return low + int(self.share() * (beyond - low))

    def one(self, of: Sequence[Choice]) -> Choice:
        """One of these."""
        return of[self.number(0, len(of))]


def cardinal(value: int) -> Phrase:
    """How a number from 0 to 99 999 999 is read: 10 208 as 一万零两百零八."""
    if value == 0:
        return ["零"]
    high, low = divmod(value, 10_000)
    if high == 0:
        return _below_ten_thousand(low)
    read = [*_below_ten_thousand(high), "万"]
    if low:
        read += (["零"] if low < 1000 else []) + _below_ten_thousand(low, inside=True)
    return read


def _below_ten_thousand(value: int, inside: bool = False) -> Phrase:
    read: Phrase = []
    skipped = False
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = value // unit % 10
        if digit == 0:
            skipped = bool(read)
            continue
        if skipped:
            read.append("零")
            skipped = False
        # 12 is 十二, but 112 is 一百一十二.
        if not (unit == 10 and digit == 1 and not read and not inside):
            read.append("两" if digit == 2 and unit >= 100 and not read else DIGITS[digit])
        if name:
            read.append(name)
    return read


def _amount(draws: Draws, known: Known) -> Sentence:
    value = draws.number(1, 10 ** draws.number(1, 9))
    unit = draws.one(["元", "度", "层", *known["measure"]])
    if unit == "百分之":
        return [[unit], cardinal(value % 100)]
    return [[*cardinal(value), unit]]


def _decimal(draws: Draws, known: Known) -> Sentence:
    behind = [draws.one(DIGITS) for _ in range(draws.number(1, 5))]
    read = [*cardinal(draws.number(0, 10 ** draws.number(1, 4))), "点", *behind]
    ending = draws.one(["", "元", "度", *known["measure"]])
    if ending == "百分之":
        return [[ending], read]
    return [[*read, ending] if ending else read]


def _telephone(draws: Draws, _known: Known) -> Sentence:
    groups = draws.one(((3, 4, 4), (4, 4), (3, 3), (4,)))
    one = draws.one(("一", "幺"))
    said = [[draws.one(DIGITS) for _ in range(length)] for length in groups]
    return [[one if digit == "一" else digit for digit in group] for group in said]


def _time(draws: Draws, known: Known) -> Sentence:
    hour = draws.number(1, 13)
    day = [draws.one(known["day"])] if draws.share() < 0.5 else []
    if day == ["星期"]:
        day.append(draws.one("一二三四五六"))
    elif not day and draws.share() < 0.5:
        day = [*cardinal(draws.number(1, 13)), "月", *cardinal(draws.number(1, 32)), "号"]
    clock = ["两", "点"] if hour == 2 else [*cardinal(hour), "点"]
    past = draws.share()
    if past < 0.25:
        clock.append("半")
    elif past < 0.75:
        clock += [*cardinal(draws.number(11, 60)), "分"]
    said = [[draws.one(known["hours"])], clock] if draws.share() < 0.7 else [clock]
    return [day, *said] if day else said


def _address(draws: Draws, known: Known) -> Sentence:
    said: Sentence = []
    if draws.share() < 0.5:
        said.append([draws.one(known["city"]), "市"])
    if draws.share() < 0.6:
        said.append([draws.one(known["district"]), "区"])
    said.append([draws.one(known["road"]), draws.one("路路街")])
    said.append([*cardinal(draws.number(1, 1000)), "号"])
    if draws.share() < 0.4:
        said.append([*cardinal(draws.number(1, 20)), draws.one(("楼", "层", "单元"))])
    if draws.share() < 0.3:
        said.append([draws.one(DIGITS[1:]), "零", draws.one(DIGITS[1:]), "室"])
    return said


def _commands(draws: Draws, known: Known) -> Sentence:
    spoken = [[draws.one(known[COMMAND])] for _ in range(draws.number(1, 4))]
    if "hours" in known and draws.share() < 0.35:
        return [*_time(draws, known), spoken[0]]
    return spoken


_KINDS: tuple[tuple[float, Callable[[Draws, Known], Sentence]], ...] = (
    (0.17, _amount),
    (0.13, _decimal),
    (0.18, _telephone),
    (0.16, _time),
    (0.21, _address),
)


def sentence(draws: Draws, known: Known) -> Sentence:
    """One sentence of what a voice knows: its words by group ("command" and those of `NAMES`)."""
    share = draws.share()
    if "hours" in known:
        for weight, kind in _KINDS:
            if share < weight:
                return kind(draws, known)
            share -= weight
    return _commands(draws, known)
