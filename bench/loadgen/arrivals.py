"""Arrival times of open-loop scenarios: fixed before the clock starts, and a function of seed, rate and count alone.

Drawn from raw PCG64 words, which numpy promises across versions; its `exponential` stream it does not.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

# What separates cameras that nobody synchronises (measurement.md section 2): clocks of ordinary quartz, and the jitter
# of exposure and encoding. A frame never overtakes the one before it.
CLOCK_OFFSET = 100e-6
JITTER_NS = 2e6


class Arrivals(msgspec.Struct, frozen=True, kw_only=True):
    """When each query is due in ns after t0, ascending, (n,); `group` is its camera or its step of a ramp, (n,)."""

    times_ns: NDArray[np.int64]
    group: NDArray[np.int32] | None = None


def poisson_ns(count: int, rate_per_s: float, seed: int) -> NDArray[np.int64]:
    """Arrivals of a Poisson process in ns after t0, (count,), rescaled so that the last one is at count / rate.

    u = word / 2^53, gap = -log1p(-u), arrivals = cumulated gaps. Equal seeds give the same gaps at every rate, up to
    their scale. Raises ValueError unless `count` and `rate_per_s` are positive.
    """
    if count < 1 or not 0.0 < rate_per_s < np.inf:
        raise ValueError(f"{count} arrivals at {rate_per_s} per second: expected at least one, and a positive rate")
    arrivals = np.cumsum(-np.log1p(-_uniforms(count, seed)))
    arrivals *= count / rate_per_s * 1e9 / max(float(arrivals[-1]), 1e-300)
    return _rounded(arrivals)


def rising_poisson(counts: Sequence[int], rates_per_s: Sequence[float], seed: int) -> Arrivals:
    """Poisson arrivals at one rate after another, `counts[i]` of them at `rates_per_s[i]`; `group` is i.

    Each step lasts count / rate. Raises ValueError as `poisson_ns`, or where lengths differ.
    """
    times, begun_ns = [], 0
    for step, (count, rate) in enumerate(zip(counts, rates_per_s, strict=True)):
        own = poisson_ns(count, rate, seed + step)
        times.append(begun_ns + own)
        begun_ns += int(own[-1])
    group = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
    return Arrivals(times_ns=np.concatenate(times), group=group)


def camera_frames(channels: int, frames: int, frames_per_s: float, seed: int) -> Arrivals:
    """`frames` frames of each of `channels` cameras, (channels · frames,), merged; `group` is the camera.

    Every camera has a phase of its own within one period, a clock that is off by up to ±100 ppm, and a jitter of up to
    ±2 ms (±a quarter of the period where that is less) on every frame. Equal seeds give a camera the same phase, clock
    and jitter whatever the number of cameras. Raises ValueError unless all are positive.
    """
    if channels < 1 or frames < 1 or not 0.0 < frames_per_s < np.inf:
        raise ValueError(f"{frames} frames of {channels} cameras at {frames_per_s} per second: all must be positive")
    period_ns = 1e9 / frames_per_s
    drawn = _uniforms(channels * (frames + 2), seed).reshape(channels, frames + 2)
    phase, clock = drawn[:, :1] * period_ns, 1.0 + CLOCK_OFFSET * (2.0 * drawn[:, 1:2] - 1.0)
    jitter = min(JITTER_NS, period_ns / 4.0) * 2.0 * drawn[:, 2:]  # from 0: nothing is due before t0
    times = _rounded(phase + np.arange(frames) * period_ns * clock + jitter).reshape(-1)
    order = np.argsort(times, kind="stable")
    camera = np.repeat(np.arange(channels, dtype=np.int32), frames)
    return Arrivals(times_ns=times[order], group=camera[order])


def _uniforms(count: int, seed: int) -> NDArray[np.float64]:
    """Numbers in [0, 1) with 53 bits, (count,)."""
    words = np.atleast_1d(np.random.PCG64(np.random.SeedSequence(seed)).random_raw(count))
    drawn: NDArray[np.float64] = (words >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return drawn


def _rounded(times_ns: NDArray[np.float64]) -> NDArray[np.int64]:
    rounded: NDArray[np.int64] = np.rint(times_ns).astype(np.int64)
    return rounded
