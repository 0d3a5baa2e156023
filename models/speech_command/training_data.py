"""Training features: clips spoken by the training voices, mixed like the evaluation's but wider, as log-mel arrays.

Kept in a cache folder outside the repository, because they take minutes to make and half a gigabyte to keep.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.making.cache import training_cache
from bench.models.speech_command.acoustics import WINDOW, Conditions, generator, make_surroundings, mix, uniforms
from bench.models.speech_command.commands import CLASS_NAMES

STREAM = 0
FEATURE_SHAPE = (98, 40)
_UNKNOWN = len(CLASS_NAMES) - 1
_CHUNK = 512

Featurize = Callable[[NDArray[np.int16]], NDArray[np.float16]]


@dataclass(frozen=True, slots=True)
class PoolPlan:
    """What the training set consists of; its digest names the cached files."""

    seed: int = 20_251_100
    samples: int = 64_000
    per_command: int = 270
    per_other: int = 24
    rooms: int = 400
    snr_db: tuple[float, float] = (-6.0, 22.0)
    speed: tuple[float, float] = (0.88, 1.14)
    unknown_share: float = 0.08
    noise_share: float = 0.2

    def digest(self) -> str:
        """Return a short name for this plan."""
        return hashlib.sha256(repr(asdict(self)).encode()).hexdigest()[:12]


def cache_folder() -> Path:
    """Return the folder for things that can be made again: $BENCH_CACHE, else the user's cache folder."""
    folder = training_cache("speech_command")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def training_clips(plan: PoolPlan) -> tuple[tuple[NDArray[np.int16], ...], NDArray[np.int64]]:
    """Return waves (n,) each and labels (clips,), spoken now or read from the cache."""
    path = cache_folder() / f"clips-{plan.per_command}-{plan.per_other}.npz"
    if not path.exists():
        from bench.models.speech_command.espeak import Synthesiser
        from bench.models.speech_command.synthesise import make_clips, training_plan

        clips = list(make_clips(training_plan(plan.per_command, plan.per_other), Synthesiser()))
        np.savez(
            path,
            audio=np.concatenate([clip.wave for clip in clips]),
            lengths=[len(clip.wave) for clip in clips],
            labels=[clip.label for clip in clips],
        )
    with np.load(path) as stored:
        waves = np.split(stored["audio"], np.cumsum(stored["lengths"])[:-1])
        return tuple(waves), stored["labels"].astype(np.int64)


def training_pool(plan: PoolPlan, featurize: Featurize) -> tuple[NDArray[np.float16], NDArray[np.int64]]:
    """Return features float16 (samples, 98, 40), memory-mapped, and labels int64 (samples,)."""
    # Named after the front end too: features of another one would be taken for ours and quietly spoil the training.
    probe = generator(plan.seed, STREAM).random_raw(WINDOW // 4).view(np.int16)[None]
    front_end = hashlib.sha256(featurize(probe).tobytes()).hexdigest()[:12]
    stem = cache_folder() / f"pool-{plan.digest()}-{front_end}"
    features, labels = stem.with_suffix(".features.npy"), stem.with_suffix(".labels.npy")
    if not labels.exists():
        _write_pool(plan, featurize, features, labels)
    return np.load(features, mmap_mode="r"), np.load(labels)


def _write_pool(plan: PoolPlan, featurize: Featurize, features: Path, labels: Path) -> None:
    waves, classes = training_clips(plan)
    around = make_surroundings(waves, plan.seed, plan.rooms, 600)
    conditions = Conditions(snr_db=plan.snr_db, level_db=(-40.0, -12.0), noise_only_db=(-60.0, -18.0))
    by_class = [np.flatnonzero(classes == label) for label in range(len(CLASS_NAMES))]
    shape = (plan.samples, *FEATURE_SHAPE)
    out = np.lib.format.open_memmap(features, mode="w+", dtype=np.float16, shape=shape)
    found = np.empty(plan.samples, np.int64)
    for low in range(0, plan.samples, _CHUNK):
        chunk = []
        for index in range(low, min(low + _CHUNK, plan.samples)):
            words = generator(plan.seed, STREAM, index)
            found[index], wave = _choose(plan, words, waves, by_class)
            chunk.append(mix(wave, words, around, conditions))
        out[low : low + len(chunk)] = featurize(np.stack(chunk))
    out.flush()
    np.save(labels, found)


def _choose(
    plan: PoolPlan,
    words: np.random.PCG64,
    waves: tuple[NDArray[np.int16], ...],
    by_class: list[NDArray[np.int64]],
) -> tuple[int, NDArray[np.int16] | None]:
    draw = uniforms(words, 5)
    label = _UNKNOWN if draw[0] < plan.unknown_share else int(draw[1] * _UNKNOWN)
    if label == _UNKNOWN and draw[2] < plan.noise_share:
        return label, None
    wave = waves[by_class[label][int(draw[3] * len(by_class[label]))]]
    return label, _at_speed(wave, plan.speed[0] + draw[4] * (plan.speed[1] - plan.speed[0]))


def _at_speed(wave: NDArray[np.int16], factor: float) -> NDArray[np.int16]:
    """Play faster or slower: shifts pitch and formants, so that one speaker variant becomes many."""
    length = min(int(len(wave) / factor), WINDOW)
    return np.interp(np.linspace(0, len(wave) - 1, length), np.arange(len(wave)), wave).astype(np.int16)
