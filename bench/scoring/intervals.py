"""Intervals over repetitions: Student's t on the logarithms (measurement.md, section 3).

Intervals within one run are in `batch_means`; those of proportions in `quality`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from bench.records.numbers import Interval, Refusal
from bench.scoring.columns import Floats
from bench.scoring.distributions import check_probability, t_quantile

LOOKS: Final[tuple[int, ...]] = (5, 10, 20)


def _logarithms(values: Sequence[float] | Floats) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"`values` has shape {array.shape}, expected one value per repetition")
    if not np.isfinite(array).all() or array.min() <= 0.0:
        raise ValueError(f"`values` must be finite and positive to have logarithms: {array.tolist()}")
    return np.log(array)


def repetition_value(values: Sequence[float] | Floats) -> float:
    """The published value: the geometric mean exp(mean ln y) of the repetitions' values, shape (k,), in their unit.

    Raises ValueError when `values` is empty, not finite or not positive.
    """
    return float(math.exp(_logarithms(values).mean()))


def repetition_interval(values: Sequence[float] | Floats, confidence: float = 0.95) -> Interval | Refusal:
    """exp(ȳ ± t s_y/√k) for y = ln(values), shape (k,), one value per fresh repetition, in their unit.

    Refused with `too-few-repetitions` when k < 2. Raises ValueError as `repetition_value`, or for a bad `confidence`.
    """
    check_probability("confidence", confidence)
    logs = _logarithms(values)
    if logs.size < 2:
        return Refusal(code="too-few-repetitions", seen=float(logs.size), limit=2.0)
    half = t_quantile(confidence, logs.size - 1) * float(logs.std(ddof=1)) / math.sqrt(logs.size)
    middle = float(logs.mean())
    return Interval(
        low=math.exp(middle - half), high=math.exp(middle + half), confidence=confidence, kind="repetitions-t"
    )


def look_confidence(k: int) -> float:
    """The confidence 1 - 0.05/3 (98.33 %) of each planned look at k = 5, 10 or 20 repetitions.

    Three looks share the 5 % (Bonferroni), so that stopping at the first narrow interval still covers 95 %.
    Raises ValueError for another k: an unplanned look would spend error that nobody counted.
    """
    if k not in LOOKS:
        raise ValueError(f"no look is planned at {k} repetitions, only at {', '.join(map(str, LOOKS))}")
    return 1.0 - 0.05 / len(LOOKS)


def relative_half_width(interval: Interval) -> float:
    """(high - low)/(high + low): h/m of an interval m ± h, tanh(h) ≈ h of one exp(m ± h); 0 when both ends are 0."""
    total = interval.high + interval.low
    return (interval.high - interval.low) / total if total else 0.0
