"""Puts an utterance of any length into a room with noise, as `speech_command.acoustics` does with a second of sound."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.models.speech_command.acoustics import (
    Conditions,
    Surroundings,
    decibels,
    make_surroundings,
    noise_of,
    uniforms,
)
from bench.models.speech_recognize.utterances import MOST, RATE, Floats

# A room sounds on for this long; products of small primes for the FFT.
_TAIL = 4_096
_SIZES = (20_000, 30_000, 40_000, 50_000, 60_000, 72_000, 90_000)
_COLOURS = tuple(np.linspace(0.0, 2.2, 12))

assert _SIZES[-1] >= MOST + _TAIL

__all__ = ["Conditions", "Surroundings", "make_surroundings", "mix"]


@cache
def _colour(size: int, exponent: float) -> Floats:
    """A noise shape from white (0) to brown (2), float64 (size / 2 + 1,)."""
    frequency = np.maximum(np.arange(size // 2 + 1) * (RATE / size), 40.0)
    return np.asarray(frequency ** (-exponent / 2.0))


def mix(wave: Floats, words: np.random.PCG64, around: Surroundings, conditions: Conditions) -> NDArray[np.int16]:
    """Return int16 (n,): the utterance float64 (n,), n at most `MOST`, in a room with noise, at a level."""
    draw = uniforms(words, 8)
    size = next(size for size in _SIZES if size >= len(wave) + _TAIL)
    room = np.fft.irfft(around.rooms[int(draw[6] * len(around.rooms))])
    speech = np.fft.irfft(np.fft.rfft(wave, size) * np.fft.rfft(room[:_TAIL], size), size)[: len(wave)]
    speech /= np.sqrt(np.mean(speech**2))
    colour = _colour(size, _COLOURS[int(draw[0] * len(_COLOURS))])
    noise = noise_of(draw[0:4], words, colour, around.babble, len(wave))
    sound = speech + noise / decibels(draw[7], conditions.snr_db)
    sound *= decibels(draw[4], conditions.level_db)
    return np.clip(np.rint(sound * 32768.0), -32768, 32767).astype(np.int16)
