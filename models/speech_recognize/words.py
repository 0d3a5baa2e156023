"""The words that utterances are joined from, and the characters that a network can answer.

`CORE` is spoken by every voice; of the groups in `NAMES` each voice knows a part. Commands are those of
`speech_command`, whose clips are used again.
"""

from __future__ import annotations

from itertools import chain

from bench.models.speech_command.commands import COMMANDS

DIGITS: tuple[str, ...] = tuple("零一二三四五六七八九")
CORE: tuple[str, ...] = (*DIGITS, *"十百千万点两幺半号楼室层市区路街元度分月", "单元")
NAMES: dict[str, tuple[str, ...]] = {
    "city": ("北京", "上海", "广州", "深圳", "成都", "武汉", "南京", "西安", "杭州", "重庆", "天津", "长沙"),
    "district": ("海淀", "朝阳", "浦东", "天河", "南山", "江北", "高新", "东城", "鼓楼", "西湖"),
    "road": ("人民", "中山", "解放", "建设", "长安", "文化", "和平", "新华", "胜利", "光明", "友谊", "学院"),
    "day": ("今天", "明天", "后天", "星期"),
    "hours": ("上午", "下午", "早上", "晚上"),
    "measure": ("公里", "百分之", "人民币", "公斤"),
}
CHARACTERS: tuple[str, ...] = tuple(dict.fromkeys(chain(*CORE, *chain(*NAMES.values()), *COMMANDS)))
# What texts are cut into for a word error rate: all that is spoken, and recorded, as one piece.
VOCABULARY: tuple[str, ...] = tuple(dict.fromkeys(chain(CORE, *NAMES.values(), COMMANDS)))
# Index 0 belongs to the blank of CTC.
IDS: dict[str, int] = {character: number for number, character in enumerate(CHARACTERS, 1)}


def encode(text: str) -> list[int]:
    """Return the ids of the characters of `text`."""
    return [IDS[character] for character in text]
