"""Samples of the workload: each a pure function of the shipped clips, a seed and an index.

Evaluation, timing and calibration have their own voices, clips, rooms and random streams; nothing here trains.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.models.speech_command.acoustics import generator
from bench.models.speech_recognize.clips import Voice, load_voices
from bench.models.speech_recognize.grammar import COMMAND, Draws
from bench.models.speech_recognize.places import Conditions, Surroundings, make_surroundings, mix
from bench.models.speech_recognize.utterances import MOST, Utterance, utter
from bench.models.speech_recognize.words import VOCABULARY, encode

__all__ = [
    "EVALUATION_SIZE",
    "WORDS",
    "calibration_inputs",
    "evaluation_inputs",
    "evaluation_labels",
    "load_inputs",
]

EVALUATION_SIZE = 2304
SUITE_SEED = 20_261_101
CONDITIONS = Conditions(snr_db=(-2.0, 18.0))
# Nobody says more in five seconds.
MOST_CHARACTERS = 64
WORDS = tuple(tuple(encode(word)) for word in VOCABULARY)

_EVALUATION, _TIMING, _CALIBRATION = 1, 2, 3
_ROOMS, _BABBLE_SECONDS = 48, 40
# Utterances by any voice of commands; the others are by voices that know all words.
_COMMAND_SHARE = 0.12

Inputs = dict[str, NDArray[np.generic]]


@cache
def _surroundings(name: str, stream: int) -> Surroundings:
    waves = tuple(wave for voice in load_voices(name) for found in voice.waves.values() for wave in found)
    return make_surroundings(waves, SUITE_SEED + stream, _ROOMS, _BABBLE_SECONDS)


@cache
def _speakers(name: str) -> tuple[tuple[Voice, ...], tuple[Voice, ...]]:
    """The voices of a set that speak commands, and those that know all words."""
    voices = load_voices(name)
    return tuple(one for one in voices if COMMAND in one.known), tuple(one for one in voices if "city" in one.known)


def _utterance(name: str, words: np.random.PCG64) -> Utterance:
    draws = Draws(words)
    return utter(draws, _voice(name, draws))


def _voice(name: str, draws: Draws) -> Voice:
    commanding, knowing = _speakers(name)
    return draws.one(commanding if draws.share() < _COMMAND_SHARE else knowing)


def _inputs(name: str, stream: int, seed: int, indices: NDArray[np.int64]) -> Inputs:
    waveform, length = np.zeros((len(indices), MOST), np.int16), np.zeros(len(indices), np.int64)
    for row, index in enumerate(indices):
        words = generator(seed, stream, int(index))
        wave = mix(_utterance(name, words).wave, words, _surroundings(name, stream), CONDITIONS)
        waveform[row, : len(wave)], length[row] = wave, len(wave)
    return {"waveform": waveform, "length": length}


def evaluation_inputs(indices: NDArray[np.int64]) -> Inputs:
    """{"waveform": int16 (n, 80000), "length": int64 (n,)} of evaluation samples `indices` (n,); silence behind."""
    _check(indices)
    return _inputs("evaluation", _EVALUATION, SUITE_SEED, indices)


def evaluation_labels(indices: NDArray[np.int64]) -> NDArray[np.int32]:
    """The characters said: ids of `words.CHARACTERS` from 1 on, int32 (n, 64), -1 behind them."""
    _check(indices)
    labels = np.full((len(indices), MOST_CHARACTERS), -1, np.int32)
    for row, index in enumerate(indices):
        said = encode(_utterance("evaluation", generator(SUITE_SEED, _EVALUATION, int(index))).text)
        labels[row, : len(said)] = said
    return labels


def evaluation_voice(index: int) -> str:
    """Who speaks in an evaluation sample."""
    return _voice("evaluation", Draws(generator(SUITE_SEED, _EVALUATION, index))).name


def load_inputs(count: int, seed: int) -> Inputs:
    """Inputs like those of `evaluation_inputs` for timing: own voices, distinct samples, other ones for each seed."""
    return _inputs("timing", _TIMING, seed, np.arange(count))


def calibration_inputs(count: int) -> Inputs:
    """Inputs like those of `evaluation_inputs` for int8 calibration: own voices, never evaluation samples."""
    return _inputs("calibration", _CALIBRATION, SUITE_SEED, np.arange(count))


def _check(indices: NDArray[np.int64]) -> None:
    if len(indices) and (np.min(indices) < 0 or np.max(indices) >= EVALUATION_SIZE):
        raise IndexError(
            f"evaluation indices run from 0 to {EVALUATION_SIZE - 1}; got {np.min(indices)} to {np.max(indices)}"
        )
