"""The clips of a set by voice: the words spoken for this workload and the commands of `speech_command`.

Reads files only; utterances are made of clips in `utterances.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.speech_command.clips import load_clips
from bench.models.speech_command.commands import COMMANDS
from bench.models.speech_recognize.grammar import COMMAND
from bench.models.speech_recognize.words import NAMES

CLIP_FOLDER = Path(__file__).parent / "clips"

Wave = NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Voice:
    """What one voice has said: int16 waves (n,) of each word, and its words by group of the grammar."""

    name: str
    waves: Mapping[str, tuple[Wave, ...]]
    known: Mapping[str, tuple[str, ...]]


def voices_of(clips: Iterable[tuple[str, str, Wave]]) -> tuple[Voice, ...]:
    """Sort (voice, text, wave) by voice and text, voices in alphabetical order, clips of a text in theirs."""
    sorted_out: dict[str, dict[str, list[Wave]]] = {}
    for voice, text, wave in clips:
        sorted_out.setdefault(voice, {}).setdefault(text, []).append(wave)
    return tuple(_voice(name, sorted_out[name]) for name in sorted(sorted_out))


def _voice(name: str, waves: Mapping[str, list[Wave]]) -> Voice:
    groups = {**NAMES, COMMAND: COMMANDS}
    known = {group: tuple(word for word in words if word in waves) for group, words in groups.items()}
    return Voice(
        name,
        {text: tuple(found) for text, found in waves.items()},
        {group: words for group, words in known.items() if words},
    )


@cache
def load_voices(name: str) -> tuple[Voice, ...]:
    """The voices of one shipped set ("evaluation", "timing", "calibration")."""
    words, commands = load_clips(name, CLIP_FOLDER), load_clips(name)
    spoken = list(zip(words.voices, words.texts, words.waves, strict=True))
    spoken += [
        (voice, COMMANDS[label], wave)
        for voice, label, wave in zip(commands.voices, commands.labels, commands.waves, strict=True)
        if label < len(COMMANDS)
    ]
    return voices_of(spoken)
