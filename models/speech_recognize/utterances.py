"""Joins clips of one voice to an utterance: pauses, crossfades, level and speed, all drawn from the sample's stream."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.models.speech_recognize.clips import Voice
from bench.models.speech_recognize.grammar import Draws, sentence

RATE = 16_000
LEAST, MOST = 1 * RATE, 5 * RATE
# Samples behind one frame of the network's answer.
FRAME = 640
# Silence before and behind, between phrases, between words (negative: the words overlap); in seconds.
_EDGE, _PAUSE, _JOINT = (0.04, 0.25), (0.04, 0.25), (-0.03, 0.03)
_GAIN_DB = (-2.5, 2.5)
SPEED = (0.9, 1.1)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Utterance:
    """Clean speech float64 (n,), n at most `MOST`; its words and where in the wave each stands, in samples."""

    wave: Floats
    words: tuple[str, ...]
    spans: tuple[tuple[float, float], ...]

    @property
    def text(self) -> str:
        """The characters said."""
        return "".join(self.words)


def utter(
    draws: Draws, voice: Voice, speed: tuple[float, float] = SPEED, least: int = LEAST, most: int = MOST
) -> Utterance:
    """Let `voice` speak, for at least `least` samples; the first word that would not fit into `most` ends it."""
    factor = draws.between(*speed)
    edge = int(_EDGE[1] * RATE)
    track = np.zeros(int(most * factor) + 1)
    place = end = int(draws.between(*_EDGE) * RATE)
    words: list[str] = []
    spans: list[tuple[float, float]] = []
    for word, behind in _speech(draws, voice):
        wave = draws.one(voice.waves[word]) * 10.0 ** (draws.between(*_GAIN_DB) / 20.0)
        if place + len(wave) > most * factor - edge:
            if words:
                break
            continue  # too long for a track as short as this one
        _lay(track, wave, place, end)
        spans.append((place, place + len(wave)))
        words.append(word)
        end = place + len(wave)
        place = end + int(draws.between(*(_JOINT if behind == "word" else _PAUSE)) * RATE)
        if behind == "sentence" and end + edge >= least * factor:
            break
    length = min(end + int(draws.between(*_EDGE) * RATE), len(track))
    return _at_speed(track[:length], factor, words, spans)


def _speech(draws: Draws, voice: Voice) -> Iterator[tuple[str, str]]:
    """One sentence after the other: every word, and what ends with it, the "word", the "phrase" or the "sentence"."""
    while True:
        said = sentence(draws, voice.known)
        for number, phrase in enumerate(said, 1):
            yield from ((word, "word") for word in phrase[:-1])
            yield phrase[-1], "sentence" if number == len(said) else "phrase"


def _lay(track: Floats, wave: Floats, place: int, end: int) -> None:
    """Add a word; where it begins before the last one has ended, the two cross over."""
    over = min(max(end - place, 0), len(wave))
    ramp = np.linspace(0.0, 1.0, over)
    track[place : place + over] *= 1.0 - ramp
    wave = wave.copy()
    wave[:over] *= ramp
    track[place : place + len(wave)] += wave


def _at_speed(track: Floats, factor: float, words: list[str], spans: list[tuple[float, float]]) -> Utterance:
    """Play faster or slower, which moves pitch and formants too."""
    length = int(len(track) / factor)
    wave = np.interp(np.arange(length) * factor, np.arange(len(track)), track)
    return Utterance(wave, tuple(words), tuple((begin / factor, end / factor) for begin, end in spans))
