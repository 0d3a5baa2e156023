"""`bench.robustness.sound`: levels, spectra and decay as an acoustician measures them, and exact against slow sums."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import signal

from bench.robustness.draws import words
from bench.robustness.sound import RATE_HZ, Waves, add_pink, add_white, impulse_response, pink, reverberate

ALL = (add_white, add_pink, reverberate)
Function = Callable[[Waves, NDArray[np.int64], float, int, int], Waves]


def waves(count: int, dtype: type = np.int16, length: int = 4000) -> Waves:
    """Whole numbers of a deviation of 1000, as float32 in parts of 32768."""
    plain = np.rint(np.random.default_rng(5).normal(0, 1000, (count, length)))
    return plain.astype(np.int16) if dtype is np.int16 else (plain / 32768).astype(np.float32)


def apply(function: Function, given: Waves, amount: float, first: int = 0, seed: int = 0) -> Waves:
    return function(given, np.arange(first, first + len(given)), amount, seed, 5)


@pytest.mark.parametrize("function", [add_white, add_pink])
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
@pytest.mark.parametrize("snr_db", [20.0, 10.0, 0.0, -6.0])
def test_the_signal_stands_above_the_noise_as_asked(function: Function, dtype: type, snr_db: float) -> None:
    clean = waves(3, dtype).astype(float)
    noise = apply(function, waves(3, dtype), snr_db) - clean
    found = 10 * np.log10((clean**2).mean(1) / (noise**2).mean(1))
    np.testing.assert_allclose(found, snr_db, atol=0.01)
    assert abs(np.corrcoef(clean[0], noise[0])[0, 1]) < 0.06


@pytest.mark.parametrize("function", [add_white, add_pink])
def test_noise_is_as_loud_as_asked_however_much_silence_stands_behind_a_recording(function: Function) -> None:
    spoken = waves(2)
    padded = np.concatenate([spoken, np.zeros((2, 12_000), np.int16)], axis=1)
    noisy = apply(function, padded, 5.0).astype(float)
    assert not noisy[:, 4000:].any()
    noise = noisy[:, :4000] - spoken
    found = 10 * np.log10((spoken.astype(float) ** 2).mean(1) / (noise**2).mean(1))
    np.testing.assert_allclose(found, 5.0, atol=0.01)


def octave_levels_db(wave: NDArray[np.generic]) -> NDArray[np.float64]:
    """Power in the octaves around 62 Hz to 4 kHz."""
    frequency, density = signal.welch(wave.astype(float), RATE_HZ, nperseg=4096)
    edges = [(62.5 * 2**k / math.sqrt(2), 62.5 * 2**k * math.sqrt(2)) for k in range(7)]
    return np.array([10 * np.log10(density[(frequency >= lo) & (frequency < hi)].sum()) for lo, hi in edges])


def test_pink_noise_has_equal_power_in_each_octave_and_white_noise_does_not() -> None:
    levels = octave_levels_db(pink(words(6, 0, 0), 1 << 19))
    assert np.ptp(levels) < 2.5
    white = apply(add_white, waves(1, length=1 << 18), 0.0) - waves(1, length=1 << 18)
    slopes = np.diff(octave_levels_db(white[0]))
    np.testing.assert_allclose(slopes, 10 * math.log10(2), atol=0.7)


@pytest.mark.parametrize("rt60_s", [0.3, 0.6, 1.2])
def test_a_room_falls_by_sixty_decibels_in_its_time(rt60_s: float) -> None:
    length = round(1.5 * RATE_HZ * rt60_s)
    decays, ratios = [], []
    for index in range(12):
        room = impulse_response(words(7, 0, index), rt60_s, length)
        assert room[0] == 1 << 15
        assert not room[1 : RATE_HZ // 500].any()
        tail = room[RATE_HZ // 500 :] ** 2
        curve = 10 * np.log10(np.cumsum(tail[::-1])[::-1] / tail.sum() + 1e-30)  # Schroeder 1965
        fitted = np.flatnonzero((curve <= -5) & (curve >= -35))
        slope = np.polyfit(fitted / RATE_HZ, curve[fitted], 1)[0]
        decays.append(-60 / slope)
        ratios.append(tail.sum() / float(room[0]) ** 2)
    assert np.mean(decays) == pytest.approx(rt60_s, rel=0.03)
    critical_m = 0.057 * math.sqrt(60 / rt60_s)
    assert np.mean(ratios) == pytest.approx(1 / critical_m**2, rel=0.05)


def test_reverberation_is_the_exact_convolution_of_whole_numbers() -> None:
    given = waves(2)
    found = apply(reverberate, given, 0.6)
    for index, wave in enumerate(given):
        room = impulse_response(words(5, 0, index), 0.6, len(wave)).astype(np.int64)
        exact = np.convolve(wave.astype(np.int64), room)[: len(wave)]
        squares = sum(int(value) ** 2 for value in exact)
        gain = math.sqrt(int((wave.astype(np.int64) ** 2).sum()) / squares)
        np.testing.assert_array_equal(found[index], np.rint(exact * gain).astype(np.int16))


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_reverberation_keeps_the_power(dtype: type) -> None:
    before, after = (wave.astype(float) for wave in (waves(3, dtype), apply(reverberate, waves(3, dtype), 1.2)))
    np.testing.assert_allclose((after**2).mean(1), (before**2).mean(1), rtol=1e-3)


@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_reverberation_of_a_float_is_that_of_whole_numbers(dtype: type) -> None:
    found = apply(reverberate, waves(2, dtype), 0.3).astype(float) * (1 if dtype is np.int16 else 32768)
    np.testing.assert_allclose(found, apply(reverberate, waves(2), 0.3), atol=0.51)


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_silence_stays_silent(function: Function, dtype: type) -> None:
    silent = np.zeros((2, 1600), dtype)
    np.testing.assert_array_equal(apply(function, silent, 0.3), silent)


def test_what_overflows_is_clipped_and_not_wrapped() -> None:
    loud = np.where(np.arange(4000) % 100 < 50, 32767, -32768).astype(np.int16)[None]
    found = apply(add_white, loud, 0.0)
    free = apply(add_white, (loud / 32768).astype(np.float32), 0.0).astype(float) * 32768
    np.testing.assert_allclose(found, np.clip(free, -32768, 32767), atol=1.5)
    assert found.max() == 32767


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize("dtype", [np.int16, np.float32])
def test_a_sample_depends_on_seed_and_index_and_nothing_else(function: Function, dtype: type) -> None:
    given = waves(6, dtype)
    amount = 0.5 if function is reverberate else 10.0
    whole = apply(function, given, amount)
    parts = [apply(function, given[i : i + 2], amount, first=i) for i in (0, 2, 4)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))
    assert (whole.dtype, whole.shape) == (np.dtype(dtype), given.shape)
    same = np.repeat(given[:1], 3, axis=0)
    others = [apply(function, same, amount), apply(function, same, amount, first=7, seed=1)]
    assert len({wave.tobytes() for found in others for wave in found}) == 6
    np.testing.assert_array_equal(given, waves(6, dtype))


@pytest.mark.parametrize("function", ALL)
def test_odd_lengths_are_no_trouble(function: Function) -> None:
    for shape in ((0, 1600), (2, 1), (1, 7), (1, 1601)):
        found = apply(function, np.full(shape, 100, np.int16), 0.5)
        assert (found.dtype, found.shape) == (np.int16, shape)


@pytest.mark.parametrize("function", ALL)
@pytest.mark.parametrize(
    ("given", "indices", "problem"),
    [
        (np.zeros((2, 1600)), [0, 1], "float64"),
        (np.zeros((2, 1600), np.uint8), [0, 1], "uint8"),
        (np.zeros(1600, np.int16), [0], r"\(1600,\)"),
        (np.zeros((2, 1, 1600), np.int16), [0, 1], r"\(2, 1, 1600\)"),
        (np.zeros((2, 0), np.int16), [0, 1], r"\(2, 0\)"),
        (np.zeros((2, 1600), np.int16), [0], "one for each"),
        (np.array([[0.0] * 1600, [np.nan] * 1600], np.float32), [4, 9], "waveform 9 holds NaN"),
        (np.array([[np.inf] * 1600], np.float32), [4], "waveform 4 holds NaN or infinity"),
    ],
)
def test_what_is_no_waveform_is_refused(
    function: Function, given: NDArray[np.generic], indices: list[int], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        function(given, np.array(indices), 1.0, 0, 5)  # type: ignore[arg-type]
