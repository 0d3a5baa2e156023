"""The queueing recursion that open loops are held against, held against closed forms: M/D/1, and Erlang's C."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from numpy.typing import NDArray

from .queueing import kiefer_wolfowitz

mpmath = pytest.importorskip("mpmath", reason="fifty digits: the series of M/D/1 alternates and is lost in doubles")

# measurement.md: the 99th percentile of the waiting time of M/D/1 in units of the service time.
P99_WAIT = {0.5: 3.336, 0.8: 10.356, 0.95: 44.938}


def m_d_1(rho: float, wait: float, digits: int = 80) -> float:
    """P[wait <= `wait` services] = (1 - rho) * sum over k <= wait of e^(-x_k) x_k^k / k!, x_k = rho (k - wait)."""
    with mpmath.workdps(digits):
        load, at = mpmath.mpf(rho), mpmath.mpf(wait)
        total = mpmath.mpf(0)
        for k in range(math.floor(wait) + 1):
            x = load * (k - at)
            total += mpmath.exp(-x) * x**k / mpmath.factorial(k)
        return float((1 - load) * total)


def erlang_c(servers: int, load: Fraction) -> float:
    """P[a query waits] in M/M/c at `load` per server, in exact arithmetic by Erlang's recursion."""
    offered, blocked = servers * load, Fraction(1)
    for server in range(1, servers + 1):
        blocked = offered * blocked / (server + offered * blocked)
    return float(blocked / (1 - load * (1 - blocked)))


def waits(servers: int, rho: float, service: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    due = np.cumsum(np.random.default_rng(seed).exponential(1.0 / (rho * servers), len(service)))
    return kiefer_wolfowitz(due, service, servers) - due


@pytest.mark.parametrize("rho", sorted(P99_WAIT))
def test_the_series_gives_the_percentile_of_the_page(rho: float) -> None:
    low, high = 0.0, 100.0
    while high - low > 1e-6:
        middle = (low + high) / 2
        low, high = (low, middle) if m_d_1(rho, middle) >= 0.99 else (middle, high)
    assert high == pytest.approx(P99_WAIT[rho], abs=6e-4)


def test_doubles_cannot_carry_the_series() -> None:
    assert m_d_1(0.95, 44.938) == pytest.approx(0.99, abs=1e-4)
    terms = [math.exp(-0.95 * (k - 44.938)) * (0.95 * (k - 44.938)) ** k / math.factorial(k) for k in range(45)]
    assert abs(0.05 * math.fsum(terms) - 0.99) > 0.1


@pytest.mark.parametrize(("rho", "tolerance"), [(0.5, 0.003), (0.8, 0.01)])
def test_recursion_against_m_d_1(rho: float, tolerance: float) -> None:
    found = waits(1, rho, np.ones(400_000), seed=1)
    for services in (0.0, 0.5, 1.0, 2.5, 6.0, P99_WAIT[rho]):
        assert np.mean(found <= services + 1e-9) == pytest.approx(m_d_1(rho, services), abs=tolerance)


@pytest.mark.parametrize(("servers", "rho"), [(1, 0.5), (2, 0.5), (2, 0.8), (4, 0.8)])
def test_recursion_against_erlang_c(servers: int, rho: float) -> None:
    service = np.random.default_rng(2).exponential(1.0, 400_000)
    found = waits(servers, rho, service, seed=3)
    waiting = erlang_c(servers, Fraction(rho).limit_denominator(100))
    assert np.mean(found > 1e-9) == pytest.approx(waiting, abs=0.01)
    # Those who wait, wait exponentially with rate c (1 - rho).
    mean = waiting / (servers * (1.0 - rho))
    assert found.mean() == pytest.approx(mean, rel=0.06)


def test_erlang_c_against_printed_values() -> None:
    assert erlang_c(1, Fraction(4, 5)) == pytest.approx(0.8)
    assert erlang_c(2, Fraction(1, 2)) == pytest.approx(1 / 3)
    assert erlang_c(2, Fraction(4, 5)) == pytest.approx(32 / 45)
