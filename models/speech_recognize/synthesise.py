"""Speaks the clips: `python -m bench.models.speech_recognize.synthesise --folder FOLDER` writes the shipped sets.

A clip is one word without silence around it. Training speaks its own through the same functions, commands among them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from bench.models.speech_command.commands import COMMANDS
from bench.models.speech_command.espeak import Synthesiser
from bench.models.speech_command.synthesise import PEAK, Clip, main, write_clips
from bench.models.speech_recognize import voices
from bench.models.speech_recognize.words import CORE, NAMES

SEED = 20_261
WORDS: tuple[str, ...] = (*CORE, *chain(*NAMES.values()), *COMMANDS)
_RATES, _PITCHES, _RANGES = (210, 340), (25, 76), (30, 81)


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """Who speaks in a set, and by how many voices each word is spoken that is not of `CORE`."""

    name: str
    stream: int
    voices: tuple[str, ...]
    copies: int

    def texts(self, voice: int) -> Iterator[str]:
        """The words of the voice at this place; those of each group of `NAMES` go round among the voices."""
        yield from CORE
        step = len(self.voices) / self.copies
        for group in NAMES.values():
            for place, word in enumerate(group):
                if any((place + int(copy * step)) % len(self.voices) == voice for copy in range(self.copies)):
                    yield word


SHIPPED: tuple[ClipPlan, ...] = (
    ClipPlan("evaluation", 1, voices.EVALUATION_VOICES, 2),
    ClipPlan("timing", 2, voices.TIMING_VOICES, 1),
    ClipPlan("calibration", 3, voices.CALIBRATION_VOICES, 1),
)


def speak(text: str, voice: str, rng: np.random.Generator, synthesiser: Synthesiser) -> Clip:
    """Speak with random rate and pitch."""
    rate, pitch, pitch_range = (int(rng.integers(*bounds)) for bounds in (_RATES, _PITCHES, _RANGES))
    wave = synthesiser.speak(text, voice, rate, pitch, pitch_range)
    return Clip(WORDS.index(text), text, voice, rate, pitch, np.rint(wave * PEAK).astype(np.int16))


def shipped_clips(plan: ClipPlan, synthesiser: Synthesiser) -> Iterator[Clip]:
    """Speak the clips of a shipped set."""
    rng = np.random.default_rng([SEED, plan.stream])
    for place, voice in enumerate(plan.voices):
        for text in plan.texts(place):
            yield speak(text, voice, rng, synthesiser)


def training_clips(names: Sequence[str], copies: int, stream: int, synthesiser: Synthesiser) -> Iterator[Clip]:
    """Speak every word, commands too, `copies` times by every voice of `names`."""
    rng = np.random.default_rng([SEED, stream])
    for voice in names:
        for text in WORDS:
            for _ in range(copies):
                yield speak(text, voice, rng, synthesiser)


def write_shipped(folder: Path) -> None:
    """Speak and write the shipped sets."""
    synthesiser = Synthesiser()
    write_clips(folder, ((plan.name, shipped_clips(plan, synthesiser)) for plan in SHIPPED))


if __name__ == "__main__":
    main(__doc__, write_shipped)
