"""Corruptions of waveforms, int16 or float32 (n, samples): white and pink noise at a level, and reverberation.

Noise and rooms are whole numbers, powers are summed exactly, and a convolution of whole numbers is exact once its
Fourier transform is rounded: int16 waveforms come out the same on every IEEE machine. Those in float32 go through a
Fourier transform whose last bits are the library's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final  # Any: whole numbers of several widths

import numpy as np
from numpy.typing import NDArray

from bench.robustness.draws import BELL_DEVIATION, bell, integer, power, words

Waves = NDArray[np.int16] | NDArray[np.float32]
Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

# Every speech workload of the suite hears so many samples per second.
RATE_HZ: Final = 16_000
# Pink noise down to 31 Hz: octave k is held for 2^k samples.
_OCTAVES: Final = 9
# A small office, and somebody who speaks a metre away from the microphone.
_VOLUME_M3, _DISTANCE_M = 60.0, 1.0
# The first reflection comes 2 ms after the direct sound, which has this amplitude.
_FIRST: Final = RATE_HZ // 500
_DIRECT: Final = 1 << 15


def add_white(waves: Waves, indices: Indices, snr_db: float, seed: int, number: int) -> Waves:
    """White noise (a fan, a bad line) `snr_db` below the power of each waveform as it is; silence stays silent.

    int16 is clipped where it overflows. Raises ValueError for anything but finite int16 or float32 (n, samples).
    """
    return _with_noise(waves, indices, snr_db, lambda index: bell(words(number, seed, index), waves.shape[1]))


def add_pink(waves: Waves, indices: Indices, snr_db: float, seed: int, number: int) -> Waves:
    """Pink noise (a street, many voices far away) `snr_db` below the power of each waveform; as `add_white`."""
    return _with_noise(waves, indices, snr_db, lambda index: pink(words(number, seed, index), waves.shape[1]))


def pink(source: np.random.PCG64, count: int) -> NDArray[np.int32]:
    """Whole numbers (count,) with nearly equal power in each octave: white noises that are held longer and longer.

    That is Voss's algorithm (M. Gardner, Scientific American, April 1978).
    """
    total = np.zeros(count, np.int32)
    for octave in range(_OCTAVES):
        hold = 1 << octave
        begin = integer(source, hold)
        held = bell(source, count // hold + 2)
        total += np.repeat(held, hold)[begin : begin + count]
    return total


def reverberate(waves: Waves, indices: Indices, rt60_s: float, seed: int, number: int) -> Waves:
    """A room in which sound falls by 60 dB in `rt60_s`; the power of each waveform stays. As `add_white`."""
    checked(waves, indices)
    changed = np.empty_like(waves)
    for target, wave, index in zip(changed, waves, indices.tolist(), strict=True):
        room = impulse_response(words(number, seed, index), rt60_s, len(wave))
        heard = _convolved(wave.astype(np.float64), room)
        if np.issubdtype(waves.dtype, np.integer):
            np.rint(heard, out=heard)  # whole numbers were convolved: this takes away all of the error
        target[:] = _as_given(heard * _gain(wave, heard), waves.dtype)
    return changed


def impulse_response(source: np.random.PCG64, rt60_s: float, length: int) -> Floats:
    """Whole numbers (length,): the direct sound, 2 ms of nothing, then noise that falls by 60 dB in `rt60_s`.

    Polack's statistical model (1988). The energy of the tail over that of the direct sound is what a room of 60 m³
    has at a metre: (distance / critical distance)², where the latter is 0.057 √(volume / RT60) metres.
    """
    decay = power(10, -3.0 / (RATE_HZ * rt60_s))
    envelope = np.cumprod(np.full(length, decay))
    # Of the squared envelope, from the first reflection on and without end.
    energy = power(decay, 2 * (_FIRST + 1)) / (1.0 - decay * decay)
    critical_m2 = 0.057**2 * _VOLUME_M3 / rt60_s
    level = _DIRECT * math.sqrt(_DISTANCE_M**2 / (critical_m2 * energy)) / BELL_DEVIATION
    room: Floats = np.rint(bell(source, length) * envelope * level)
    room[:_FIRST] = 0.0
    room[0] = _DIRECT
    return room


def _with_noise(waves: Waves, indices: Indices, snr_db: float, draw: Callable[[int], NDArray[Any]]) -> Waves:
    checked(waves, indices)
    amplitude, changed = math.sqrt(power(10, -snr_db / 10.0)), np.empty_like(waves)
    for target, wave, index in zip(changed, waves, indices.tolist(), strict=True):
        noise = draw(index)
        noise[_heard(wave) :] = 0
        target[:] = _as_given(wave + noise * (_gain(wave, noise) * amplitude), waves.dtype)
    return changed


def _heard(wave: NDArray[Any]) -> int:
    """Where the zeros begin that a shorter recording is filled up with; noise over them would be heard by nobody."""
    loud = np.flatnonzero(wave)
    return int(loud[-1]) + 1 if loud.size else len(wave)


def _gain(wanted: NDArray[Any], given: NDArray[Any]) -> float:
    """What gives `given` the power of `wanted`; 0 where either is silent."""
    power_given = _energy(given)
    return math.sqrt(_energy(wanted) / power_given) if power_given else 0.0


def _energy(wave: NDArray[Any]) -> float:
    """The sum of the squares, exact, so that the order in which a machine adds does not matter."""
    if np.issubdtype(wave.dtype, np.integer):
        whole = wave.astype(np.int64)
        return float(int(whole @ whole))
    floats = wave.astype(np.float64)
    return math.fsum((floats * floats).tolist())


def _convolved(wave: Floats, room: Floats) -> Floats:
    """What is heard while the waveform lasts, (samples,)."""
    length = 2 * len(wave)
    product = np.fft.rfft(wave, length) * np.fft.rfft(room, length)
    return np.asarray(np.fft.irfft(product, length)[: len(wave)])


def _as_given(wave: NDArray[Any], dtype: np.dtype[Any]) -> Waves:
    if np.issubdtype(dtype, np.integer):
        whole: NDArray[np.int16] = np.clip(np.rint(wave), -32768, 32767).astype(np.int16)
        return whole
    floats: NDArray[np.float32] = wave.astype(np.float32)
    return floats


def checked(waves: Waves, indices: Indices) -> None:
    """Raises ValueError unless `waves` are finite, int16 or float32 (n, samples), with one index each."""
    if waves.dtype not in (np.int16, np.float32) or waves.ndim != 2 or not waves.shape[1]:
        raise ValueError(f"waveforms are {waves.dtype} {waves.shape}; expected int16 or float32 (n, samples)")
    if indices.shape != (len(waves),):
        raise ValueError(f"{len(waves)} waveforms and indices of shape {indices.shape}; expected one for each")
    bad = np.flatnonzero(~np.isfinite(waves).all(axis=1))
    if bad.size:
        raise ValueError(f"waveform {int(indices[bad[0]])} holds NaN or infinity")
