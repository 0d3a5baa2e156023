"""Puts a clean clip into a room with noise at a level: the pure function of numbers behind every sample.

Knows nothing of sets, labels or files. Random numbers are raw PCG64 words turned into uniforms here, for numpy
promises the words across versions, but not its distributions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

WINDOW = 16_000
# Room for the reverberation behind the window (0.25 s), and a product of small primes for the FFT.
_LENGTH = 20_000
_TAIL = _LENGTH - WINDOW
_BINS = _LENGTH // 2 + 1
_RATE = 16_000

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Conditions:
    """Ranges from which a sample's conditions are drawn; levels are of the speech's power, in dB of full scale."""

    snr_db: tuple[float, float]
    level_db: tuple[float, float] = (-34.0, -16.0)
    noise_only_db: tuple[float, float] = (-52.0, -24.0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Rooms (with microphone) and noises to choose from.

    rooms: complex128 (R, 10001), transfer functions; colours: float64 (C, 10001), unit-power noise shapes;
    babble: float64 (n,), many voices at once, power 1.
    """

    rooms: NDArray[np.complex128]
    colours: Floats
    babble: Floats


def generator(seed: int, *key: int) -> np.random.PCG64:
    """Return the random words that belong to a seed and a key; another key is another stream."""
    return np.random.PCG64(np.random.SeedSequence(seed, spawn_key=key))


def uniforms(words: np.random.PCG64, count: int) -> Floats:
    """Draw float64 (count,) in [0, 1)."""
    return np.asarray((words.random_raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def normals(words: np.random.PCG64, count: int) -> Floats:
    """Draw float64 (count,), nearly normal: sums of four bytes, exact in integers and ten times faster."""
    raw = words.random_raw((count + 1) // 2).astype("<u8").view(np.uint8).reshape(4, -1)
    return np.asarray((raw.sum(axis=0, dtype=np.int32)[:count] - 510.0) / 147.8)


def make_surroundings(waves: tuple[NDArray[np.int16], ...], seed: int, rooms: int, seconds: int) -> Surroundings:
    """Draw `rooms` rooms and mix `seconds` of babble from `waves`."""
    transfer = np.stack([_room(generator(seed, 0, index)) for index in range(rooms)])
    return Surroundings(transfer, _colours(), _babble(waves, generator(seed, 1), seconds * _RATE))


def _room(words: np.random.PCG64) -> NDArray[np.complex128]:
    """One room: exponentially decaying noise behind a direct path, seen through a microphone's response."""
    time_60, direct_db, slope_db, low_hz, ripple, phase = uniforms(words, 6)
    decay = 10.0 ** (-3.0 * np.arange(_TAIL) / (_RATE * (0.12 + 0.5 * time_60)))
    tail = normals(words, _TAIL) * decay
    tail[:32] = 0.0  # the first reflection comes 2 ms after the direct sound
    tail *= 10.0 ** (-(10.0 * direct_db) / 20.0) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    frequency = np.arange(_BINS) * (_RATE / _LENGTH)
    slope = (slope_db - 0.5) * 12.0 * (frequency / 4000.0 - 0.5)
    bumps = 4.0 * ripple * np.cos(2.0 * np.pi * (frequency / 2300.0 + phase))
    high_pass = 1.0 / (1.0 + ((60.0 + 240.0 * low_hz) / np.maximum(frequency, 1.0)) ** 2)
    return np.asarray(np.fft.rfft(tail, _LENGTH) * high_pass * 10.0 ** ((slope + bumps) / 20.0))


def _colours() -> Floats:
    """Noise shapes from white to brown (a room, a fan, a car), unit power each."""
    frequency = np.maximum(np.arange(_BINS) * (_RATE / _LENGTH), 40.0)
    shapes = np.stack([frequency ** (-exponent / 2.0) for exponent in np.linspace(0.0, 2.2, 12)])
    return np.asarray(shapes / np.sqrt(np.sum(shapes**2, axis=1, keepdims=True)))


def _babble(waves: tuple[NDArray[np.int16], ...], words: np.random.PCG64, samples: int) -> Floats:
    track = np.zeros(samples)
    for layer in uniforms(words, 5):
        order = np.argsort(uniforms(words, len(waves)), kind="stable")
        position = int(layer * 4000)
        while position < samples:
            for choice in order:
                wave = unit_power(waves[choice])[: max(samples - position, 0)]
                track[position : position + len(wave)] += wave
                position += len(wave) + 800
    return np.asarray(track / np.sqrt(np.mean(track**2)))


def unit_power(wave: NDArray[np.int16]) -> Floats:
    return np.asarray(wave / np.sqrt(np.mean(wave.astype(np.float64) ** 2)))


def mix(
    wave: NDArray[np.int16] | None, words: np.random.PCG64, around: Surroundings, conditions: Conditions
) -> NDArray[np.int16]:
    """Return int16 (16000,): the clip somewhere in the window, whole, in a room with noise; None is noise alone."""
    draw = uniforms(words, 8)
    noise = noise_of(draw[0:4], words, around.colours[int(draw[0] * len(around.colours))], around.babble, WINDOW)
    if wave is None:
        sound = noise * decibels(draw[4], conditions.noise_only_db)
    else:
        placed = np.zeros(_LENGTH)
        start = int(draw[5] * (WINDOW - len(wave) + 1))
        placed[start : start + len(wave)] = unit_power(wave)
        room = around.rooms[int(draw[6] * len(around.rooms))]
        speech = np.fft.irfft(np.fft.rfft(placed) * room, _LENGTH)[:WINDOW]
        speech *= np.sqrt(len(wave) / np.sum(speech**2))
        sound = speech + noise / decibels(draw[7], conditions.snr_db)
        sound *= decibels(draw[4], conditions.level_db)
    return np.clip(np.rint(sound * 32768.0), -32768, 32767).astype(np.int16)


def decibels(draw: float, bounds: tuple[float, float]) -> float:
    return float(10.0 ** ((bounds[0] + draw * (bounds[1] - bounds[0])) / 20.0))


def noise_of(draw: Floats, words: np.random.PCG64, colour: Floats, voices: Floats, length: int) -> Floats:
    """Coloured noise and babble in a random proportion, float64 (length,) of power 1.

    `colour` (size / 2 + 1,) shapes a noise of `size` samples, no fewer than `length`; babble is a part of `voices`.
    `draw` (4,): the first is the caller's, to choose the colour by.
    """
    bins = len(colour)
    normal = normals(words, 2 * bins)
    spectrum = (normal[:bins] + 1j * normal[bins:]) * colour
    coloured = np.fft.irfft(spectrum, 2 * (bins - 1))[:length]
    start = int(draw[1] * (len(voices) - length))
    babble = voices[start : start + length]
    share = draw[2] if draw[3] < 0.5 else 0.0  # half of the places have nobody else in them
    total = coloured * np.sqrt((1.0 - share) / np.mean(coloured**2)) + babble * np.sqrt(share / np.mean(babble**2))
    return np.asarray(total / np.sqrt(np.mean(total**2)))
