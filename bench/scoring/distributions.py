"""The few distribution functions that scoring needs, from scipy.special, imported on first use because it is slow."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import Any


def special() -> Any:  # scipy ships no type information
    """scipy.special, imported with the first use."""
    return import_module("scipy.special")


def check_probability(name: str, value: float) -> None:
    """Raises ValueError unless 0 < `value` < 1 (so NaN is refused too)."""
    if not 0.0 < value < 1.0:
        raise ValueError(f"`{name}` is {value}, expected a number between 0 and 1, both excluded")


def few_over(over: int, n: int, p: float) -> float:
    """P[Binomial(n, 1 - p) <= over]: at most `over` < n of n independent values lie beyond their percentile `p`.

    This is the regularised incomplete beta function I_p(n - over, over + 1); it takes p itself, so that nothing is lost
    in forming 1 - p.
    """
    return float(special().betainc(n - over, over + 1, p))


@lru_cache(maxsize=64)
def t_quantile(confidence: float, degrees: int) -> float:
    """The factor of a two-sided interval: the (1 + confidence)/2 quantile of Student's t.

    Raises ValueError for a confidence outside (0, 1).
    """
    check_probability("confidence", confidence)
    return float(special().stdtrit(degrees, (1.0 + confidence) / 2.0))


@lru_cache(maxsize=64)
def normal_quantile(probability: float) -> float:
    """The quantile of the standard normal distribution. Raises ValueError for a probability outside (0, 1)."""
    check_probability("probability", probability)
    return float(special().ndtri(probability))
