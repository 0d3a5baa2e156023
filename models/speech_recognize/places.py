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
    normals,
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
    noise = _noise(draw[0:4], words, around, len(wave), size)
    sound = speech + noise / decibels(draw[7], conditions.snr_db)
    sound *= decibels(draw[4], conditions.level_db)
    return np.clip(np.rint(sound * 32768.0), -32768, 32767).astype(np.int16)


def _noise(draw: Floats, words: np.random.PCG64, around: Surroundings, length: int, size: int) -> Floats:
    """Coloured noise and babble in a random proportion, float64 (length,) of power 1."""
    bins = size // 2 + 1
    normal = normals(words, 2 * bins)
    spectrum = (normal[:bins] + 1j * normal[bins:]) * _colour(size, _COLOURS[int(draw[0] * len(_COLOURS))])
    coloured = np.fft.irfft(spectrum, size)[:length]
    start = int(draw[1] * (len(around.babble) - length))
    voices = around.babble[start : start + length]
    share = draw[2] if draw[3] < 0.5 else 0.0  # half of the places have nobody else in them
    total = coloured * np.sqrt((1.0 - share) / np.mean(coloured**2)) + voices * np.sqrt(share / np.mean(voices**2))
    return np.asarray(total / np.sqrt(np.mean(total**2)))
