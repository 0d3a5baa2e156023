"""Whether a rate holds its latency bound, over repetitions and within one (measurement.md, section 3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from bench.scoring.columns import FAILED_NS, Floats, Int64s
from bench.scoring.distributions import t_quantile

# The one-sided 95 % quantile is the upper end of a two-sided 90 % interval.
_TWO_SIDED: Final = 0.90
_PARTS: Final = 20
# One-sided 99.95 % of Student's t with 18 degrees; see `grows`.
_SLOPE: Final = 0.999


def upper_share(shares: Sequence[float]) -> float:
    """v̄ + t₀.₉₅,ₖ₋₁ · s/√k: the one-sided 95 % upper limit of the mean of `shares`, one per repetition.

    A single repetition has no such limit: its own share is returned. Raises ValueError when `shares` is empty.
    """
    k = len(shares)
    if k == 0:
        raise ValueError("no repetition, no share")
    if k == 1:
        return float(shares[0])
    spread = float(np.std(shares, ddof=1)) / math.sqrt(k)
    return float(np.mean(shares)) + t_quantile(_TWO_SIDED, k - 1) * spread


def cannot_hold(shares: Sequence[float], k: int, allowed: float) -> bool:
    """Whether `upper_share` must exceed `allowed` after `k` repetitions, whatever the missing ones bring.

    The limit is convex and symmetric in the missing shares, so it is least where they are equal; that one number is
    sought between 0 and the largest share seen.
    """
    missing = k - len(shares)
    if missing <= 0:
        return upper_share(shares) > allowed
    if not shares:
        return False
    grid = np.linspace(0.0, max(shares), 201)
    return all(upper_share([*shares, *[float(b)] * missing]) > allowed for b in grid)


def grows(latency_in_order_ns: Int64s) -> bool:
    """Whether waiting times grow through the run, as they do when more arrives than is served.

    The run is cut into 20 parts of equal count; the slope of their mean latencies must be significant (one-sided
    99.95 %, t with 18 degrees) and carry them from the first quarter to at least twice as much in the last. Failed
    queries count as the largest latency seen; fewer than 200 queries show nothing. Shape (n,), int64 ns, in the order
    of arrival.
    """
    if latency_in_order_ns.size < 10 * _PARTS:
        return False
    means = _part_means(latency_in_order_ns)
    place = np.arange(_PARTS) - (_PARTS - 1) / 2
    slope = float(place @ means) / float(place @ place)
    left = means - means.mean() - slope * place
    error = math.sqrt(float(left @ left) / (_PARTS - 2) / float(place @ place))
    quarter = _PARTS // 4
    doubled = means[-quarter:].mean() >= 2.0 * means[:quarter].mean()
    return bool(doubled and slope > t_quantile(_SLOPE, _PARTS - 2) * error)


def _part_means(latency_ns: Int64s) -> Floats:
    answered = latency_ns[latency_ns != FAILED_NS]
    worst = float(answered.max()) if answered.size else 1.0
    values = np.where(latency_ns == FAILED_NS, worst, latency_ns.astype(np.float64))
    return np.array([part.mean() for part in np.array_split(values, _PARTS)])
