"""Samples of the workload: each a pure function of the shipped clips, a seed and an index.

Evaluation, timing and calibration have their own voices, clips, rooms and random streams; nothing here trains.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from bench.models.speech_command.acoustics import (
    WINDOW,
    Conditions,
    Surroundings,
    generator,
    make_surroundings,
    mix,
    uniforms,
)
from bench.models.speech_command.clips import ClipSet, load_clips
from bench.models.speech_command.commands import CLASS_NAMES

__all__ = [
    "CLASS_NAMES",
    "EVALUATION_SIZE",
    "calibration_inputs",
    "evaluation_inputs",
    "evaluation_labels",
    "load_inputs",
]

SAMPLES_PER_CLASS = 80
EVALUATION_SIZE: int = SAMPLES_PER_CLASS * len(CLASS_NAMES)
SUITE_SEED = 20_251_101
CONDITIONS = Conditions(snr_db=(-3.0, 18.0))
# Every fifth sample of the class `unknown` is noise without speech.
NOISE_EVERY = 5

_EVALUATION, _TIMING, _CALIBRATION = 1, 2, 3
_UNKNOWN = len(CLASS_NAMES) - 1
_ROOMS, _BABBLE_SECONDS = 48, 40


@cache
def _surroundings(name: str, stream: int) -> Surroundings:
    return make_surroundings(load_clips(name).waves, SUITE_SEED + stream, _ROOMS, _BABBLE_SECONDS)


def _stack(waves: list[NDArray[np.int16]]) -> dict[str, NDArray[np.int16]]:
    return {"waveform": np.stack(waves) if waves else np.empty((0, WINDOW), np.int16)}


def _evaluation_clip(clips: ClipSet, index: int) -> NDArray[np.int16] | None:
    label, turn = index % len(CLASS_NAMES), index // len(CLASS_NAMES)
    if label == _UNKNOWN and turn % NOISE_EVERY == NOISE_EVERY - 1:
        return None
    choices = clips.of_class(label)
    return clips.waves[choices[turn % len(choices)]]


def evaluation_inputs(indices: NDArray[np.int64]) -> dict[str, NDArray[np.int16]]:
    """Return {"waveform": int16 (n, 16000)} for evaluation samples `indices` (n,), each below EVALUATION_SIZE."""
    clips, around = load_clips("evaluation"), _surroundings("evaluation", _EVALUATION)
    _check(indices)
    return _stack(
        [
            mix(_evaluation_clip(clips, int(index)), generator(SUITE_SEED, _EVALUATION, int(index)), around, CONDITIONS)
            for index in indices
        ]
    )


def evaluation_labels(indices: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return classes, int64 (n,): they take turns, so that every run of indices is balanced."""
    _check(indices)
    return np.asarray(indices, np.int64) % len(CLASS_NAMES)


def load_inputs(count: int, seed: int) -> dict[str, NDArray[np.int16]]:
    """Return {"waveform": int16 (count, 16000)} for timing: own voices, distinct samples, other ones for each seed."""
    clips, around = load_clips("timing"), _surroundings("timing", _TIMING)
    order = np.argsort(uniforms(generator(seed, _TIMING), len(clips.waves)), kind="stable")
    chosen = [clips.waves[order[index % len(order)]] for index in range(count)]
    return _stack([mix(wave, generator(seed, _TIMING, i), around, CONDITIONS) for i, wave in enumerate(chosen)])


def calibration_inputs(count: int) -> dict[str, NDArray[np.int16]]:
    """Return {"waveform": int16 (count, 16000)} for int8 calibration: own voices, never evaluation samples."""
    clips, around = load_clips("calibration"), _surroundings("calibration", _CALIBRATION)
    chosen = [clips.waves[index % len(clips.waves)] for index in range(count)]
    return _stack(
        [mix(wave, generator(SUITE_SEED, _CALIBRATION, i), around, CONDITIONS) for i, wave in enumerate(chosen)]
    )


def _check(indices: NDArray[np.int64]) -> None:
    if len(indices) and (np.min(indices) < 0 or np.max(indices) >= EVALUATION_SIZE):
        raise IndexError(
            f"evaluation indices run from 0 to {EVALUATION_SIZE - 1}; got {np.min(indices)} to {np.max(indices)}"
        )
