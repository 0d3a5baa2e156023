"""Training batches: utterances of the training voices, made anew for every step, with where each character is heard.

The clean clips are spoken once and kept in a cache folder outside the repository.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.speech_command.acoustics import generator
from bench.models.speech_command.espeak import Synthesiser
from bench.models.speech_recognize import utterances
from bench.models.speech_recognize.clips import Voice, voices_of
from bench.models.speech_recognize.grammar import Draws
from bench.models.speech_recognize.places import Conditions, Surroundings, make_surroundings, mix
from bench.models.speech_recognize.synthesise import training_clips
from bench.models.speech_recognize.utterances import FRAME, LEAST, MOST, RATE, Utterance, utter
from bench.models.speech_recognize.voices import TRAINING_VOICES, VALIDATION_VOICES
from bench.models.speech_recognize.words import encode

SEED = 20_261_100
TRAINING, VALIDATION = 0, 9
IGNORED = -100
SPEED = (0.82, 1.18)
CONDITIONS = Conditions(snr_db=(-4.0, 24.0), level_db=(-40.0, -12.0))
_ROOMS, _BABBLE_SECONDS = 300, 300
_SHORTEST_S, _LONGEST_S = 1.6, 5.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Padded: waveform int16 (n, t), length int64 (n,), text int64 (n, most) with 0 behind, heard int64 (n, t / 640).

    heard: the character in the middle of its sound, 0 (blank) in silence, `IGNORED` where both would do.
    """

    waveform: NDArray[np.int16]
    length: NDArray[np.int64]
    text: NDArray[np.int64]
    heard: NDArray[np.int64]


class Speakers:
    """The voices of a set in its places; batches are functions of seed, stream and step."""

    def __init__(self, voices: tuple[Voice, ...], stream: int, conditions: Conditions = CONDITIONS) -> None:
        self._voices, self._stream, self._conditions = voices, stream, conditions
        waves = tuple(wave for voice in voices for found in voice.waves.values() for wave in found)
        self._around: Surroundings = make_surroundings(waves, SEED + stream, _ROOMS, _BABBLE_SECONDS)

    def batch(self, step: int, seconds: float, longest: float = _LONGEST_S) -> Batch:
        """Utterances of about the same length, `seconds` of sound in all."""
        most = Draws(generator(SEED, self._stream, step)).between(_SHORTEST_S, longest)
        made = [
            self._one((step, place), int(0.7 * most * RATE), int(most * RATE), SPEED)
            for place in range(max(2, int(seconds / most)))
        ]
        return _pad(made)

    def samples(self, count: int) -> Batch:
        """Samples 0 to count - 1, as the evaluation makes them."""
        return _pad([self._one((index,), LEAST, MOST, utterances.SPEED) for index in range(count)])

    def _one(
        self, key: tuple[int, ...], least: int, most: int, speed: tuple[float, float]
    ) -> tuple[NDArray[np.int16], Utterance]:
        words = generator(SEED, self._stream, 1, *key)
        draws = Draws(words)
        said = utter(draws, draws.one(self._voices), speed, least, most)
        return mix(said.wave, words, self._around, self._conditions), said


def _pad(made: list[tuple[NDArray[np.int16], Utterance]]) -> Batch:
    length = np.array([len(wave) for wave, _ in made], np.int64)
    frames = int(-(-length.max() // FRAME))
    waveform = np.zeros((len(made), frames * FRAME), np.int16)
    text = np.zeros((len(made), max(len(said.text) for _, said in made)), np.int64)
    heard = np.full((len(made), frames), IGNORED, np.int64)
    for row, (wave, said) in enumerate(made):
        waveform[row, : len(wave)] = wave
        text[row, : len(said.text)] = encode(said.text)
        heard[row, : -(-len(wave) // FRAME)] = _heard(said)
    return Batch(waveform, length, text, heard)


def _heard(said: Utterance) -> NDArray[np.int64]:
    """For each frame of an utterance, what sounds there; the characters of a word are taken to be equally long."""
    frames = np.zeros(-(-len(said.wave) // FRAME), np.int64)
    before = 0
    for word, (begin, end) in zip(said.words, said.spans, strict=True):
        each = (end - begin) / len(word) / FRAME
        for place, character in enumerate(encode(word)):
            first = begin / FRAME + place * each
            low, high = int(first), min(int(first + each), len(frames) - 1)
            frames[low : high + 1] = IGNORED
            if character == before and low > 0:
                frames[low] = 0
            before = character
            middle = first + 0.5 * each
            inner = slice(int(middle - 0.2 * each), int(middle + 0.2 * each) + 1)
            frames[inner] = character
    return frames


def speakers(cache: Path, copies: int = 6) -> Speakers:
    """The training voices, each word in `copies` ways."""
    return Speakers(_spoken(cache / f"training-{copies}.npz", TRAINING_VOICES, copies, TRAINING), TRAINING)


def validation_speakers(cache: Path, conditions: Conditions) -> Speakers:
    """The voices held out."""
    return Speakers(_spoken(cache / "validation-1.npz", VALIDATION_VOICES, 1, VALIDATION), VALIDATION, conditions)


def _spoken(path: Path, names: tuple[str, ...], copies: int, stream: int) -> tuple[Voice, ...]:
    """Clips spoken now or read from `path`."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        clips = list(training_clips(names, copies, stream, Synthesiser()))
        partial = path.with_name("partial.npz")
        np.savez(
            partial,
            audio=np.concatenate([clip.wave for clip in clips]),
            lengths=[len(clip.wave) for clip in clips],
            texts=[clip.text for clip in clips],
            voices=[clip.voice for clip in clips],
        )
        partial.replace(path)
    with np.load(path) as stored:
        waves = np.split(stored["audio"], np.cumsum(stored["lengths"])[:-1])
        return voices_of(zip(map(str, stored["voices"]), map(str, stored["texts"]), waves, strict=True))
