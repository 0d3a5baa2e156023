"""What the intervals really cover, on processes whose truth is known in closed form.

`python -m tests.scoring.simulation` prints the tables of docs/statistics.md. Nothing here is measured; seeds are fixed.
"""

from __future__ import annotations

import math
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.loadgen.arrivals import camera_frames
from bench.records.numbers import Interval, Refusal
from bench.scoring.batch_means import batch_means_mean, batch_means_percentile, batch_means_rate
from bench.scoring.busy import in_flight, in_flight_checks
from bench.scoring.columns import Columns
from bench.scoring.early_stopping import early_stopping_bound
from bench.scoring.holding import cannot_hold, grows, upper_share
from bench.scoring.intervals import LOOKS, look_confidence, relative_half_width, repetition_interval
from bench.scoring.quality import paired_counts, paired_interval, wilson
from bench.scoring.warmup import is_steady, mser5_cut

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]
SERVICE_NS = 1e6


class Process(NamedTuple):
    """A way to draw n values in ns in the order of time, with their true mean and quantile function."""

    name: str
    draw: Draw
    mean: float
    quantile: Callable[[float], float]


class Covered(NamedTuple):
    """Of `drawn` simulated runs, how many had an interval (or a verdict), and how many of those held the truth."""

    name: str
    drawn: int
    given: int
    held: int

    @property
    def share(self) -> float:
        return self.held / self.given if self.given else math.nan


def lindley(gaps: Floats, service: Floats) -> Floats:
    """Waiting times of a single server that starts empty, (n,)."""
    walk = np.concatenate([[0.0], np.cumsum(service[:-1] - gaps[1:])])
    return walk - np.minimum.accumulate(walk)


def m_m_1(rho: float) -> Process:
    """Time in system of M/M/1: exponential with rate (1 - rho) / service."""
    scale = SERVICE_NS / (1.0 - rho)

    def draw(rng: np.random.Generator, n: int) -> Floats:
        service = rng.exponential(SERVICE_NS, n)
        return lindley(rng.exponential(SERVICE_NS / rho, n), service) + service

    return Process(f"M/M/1, load {rho:g}", draw, scale, lambda p: -scale * math.log1p(-p))


def ar_1(phi: float) -> Process:
    """Service times around 1 ms with a deviation of 0.05 ms, each with correlation `phi` to the one before."""
    from scipy.signal import lfilter

    def draw(rng: np.random.Generator, n: int) -> Floats:
        noise = rng.normal(0.0, math.sqrt(1.0 - phi * phi), n)
        noise[0] = rng.normal()
        return SERVICE_NS * (1.0 + 0.05 * np.asarray(lfilter([1.0], [1.0, -phi], noise)))

    return Process(f"AR(1), {phi:g}", draw, SERVICE_NS, lambda p: SERVICE_NS * (1.0 + 0.05 * _normal(p)))


def _normal(p: float) -> float:
    from scipy.stats import norm

    return float(norm.ppf(p))


def count(name: str, runs: int, once: Callable[[np.random.Generator], bool | None]) -> Covered:
    """`once` says whether the truth was held, None where nothing was given."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    outcomes = [once(rng) for _ in range(runs)]
    given = [outcome for outcome in outcomes if outcome is not None]
    return Covered(name, runs, len(given), sum(given))


def holds(found: Interval | Refusal, truth: float) -> bool | None:
    return None if isinstance(found, Refusal) else found.low <= truth <= found.high


# ------------------------------------------------------------------------------------------- over repetitions


def repetitions(k: int, spread: float, runs: int) -> Covered:
    """The truth is 1; repetitions differ by a log-normal factor with the coefficient of variation `spread`."""
    name = f"t over {k} repetitions, which differ by {spread:.0%}"
    return count(name, runs, lambda rng: holds(repetition_interval(rng.lognormal(0.0, spread, k)), 1.0))


def repetitions_of(process: Process, n: int, p: float, runs: int) -> Covered:
    """Five repetitions of a queue of `n` queries each, about its true percentile."""

    def once(rng: np.random.Generator) -> bool | None:
        found = [float(np.sort(process.draw(rng, n))[int(n * p)]) for _ in range(5)]
        return holds(repetition_interval(found), process.quantile(p))

    return count(f"t over 5 repetitions, p{100 * p:g} of {process.name}, n = {n}", runs, once)


def looks(spread: float, runs: int, half_width: float = 0.03) -> Covered:
    """More repetitions are added until the interval is narrow enough: the rule of `needs_more`."""

    def once(rng: np.random.Generator) -> bool | None:
        values = rng.lognormal(0.0, spread, LOOKS[-1])
        for k in LOOKS:
            found = repetition_interval(values[:k], look_confidence(k))
            assert isinstance(found, Interval)
            if relative_half_width(found) <= half_width:
                break
        return holds(found, 1.0)

    return count(f"looks at 5, 10, 20 until ±{half_width:.0%}, repetitions differ by {spread:.0%}", runs, once)


# --------------------------------------------------------------------------------------------- within one run


def within(process: Process, n: int, p: float | None, runs: int) -> Covered:
    """Batch means of one run, about the mean (`p` None) or a percentile."""

    def once(rng: np.random.Generator) -> bool | None:
        values = process.draw(rng, n).astype(np.int64)
        if p is None:
            return holds(batch_means_mean(values), process.mean)
        return holds(batch_means_percentile(values, p), process.quantile(p))

    what = "mean" if p is None else f"p{100 * p:g}"
    return count(f"{what} of {process.name}, n = {n}", runs, once)


def rate(process: Process, n: int, runs: int) -> Covered:
    """A closed loop whose service times are those of `process`."""

    def once(rng: np.random.Generator) -> bool | None:
        ended = np.cumsum(process.draw(rng, n)).astype(np.int64)
        return holds(batch_means_rate(ended, 1, 0), 1e9 / process.mean)

    return count(f"rate of {process.name}, n = {n}", runs, once)


def early_stopping(process: Process, n: int, p: float, runs: int) -> Covered:
    def once(rng: np.random.Generator) -> bool | None:
        return holds(early_stopping_bound(np.sort(process.draw(rng, n).astype(np.int64)), p), process.quantile(p))

    return count(f"p{100 * p:g} of {process.name}, n = {n}", runs, once)


# ------------------------------------------------------------------------------------- proportions and verdicts


def proportion(n: int, p: float, runs: int) -> Covered:
    return count(f"share {p:g}, n = {n}", runs, lambda rng: holds(wilson(int(rng.binomial(n, p)), n), p))


def paired(n: int, gained: float, lost: float, runs: int) -> Covered:
    """Reference right in 95 %; the candidate gains and loses answers at the given rates."""

    def once(rng: np.random.Generator) -> bool | None:
        drawn = rng.choice(4, n, p=[0.95 - lost, gained, lost, 0.05 - gained])
        return holds(paired_interval(paired_counts(drawn <= 1, (drawn == 0) | (drawn == 2))), gained - lost)

    return count(f"n = {n}, {gained:.1%} gained and {lost:.1%} lost", runs, once)


def passes(process: Process, share: float, n: int, runs: int) -> Covered:
    """How often five repetitions at a true late share are found to hold 1 % (`held` counts the passes)."""
    bound = process.quantile(1.0 - share)

    def once(rng: np.random.Generator) -> bool | None:
        seen: list[float] = []
        for _ in range(5):
            seen.append(float(np.mean(process.draw(rng, n) > bound)))
            if cannot_hold(seen, 5, 0.01):
                return False
        return upper_share(seen) <= 0.01

    return count(f"{share:.1%} late in {process.name}, n = {n}", runs, once)


def growing(rho: float, n: int, runs: int) -> Covered:
    """How often waiting times are said to grow; above a load of 1 they do."""

    def once(rng: np.random.Generator) -> bool | None:
        wait = lindley(rng.exponential(SERVICE_NS / rho, n), np.full(n, SERVICE_NS))
        return grows((wait + SERVICE_NS).astype(np.int64))

    return count(f"M/D/1, load {rho:g}, n = {n}", runs, once)


def frames_growing(channels: int, seconds: int, load: float, runs: int) -> Covered:
    """How often frames of cameras whose clocks drift apart are said to queue up, without a deadline that drops them."""

    def once(rng: np.random.Generator) -> bool | None:
        times = camera_frames(channels, 25 * seconds, 25.0, int(rng.integers(2**31))).times_ns
        service = np.full(times.size, load * 1e9 / (25.0 * channels))
        wait = lindley(np.diff(times, prepend=0).astype(np.float64), service)
        return grows((wait + service).astype(np.int64))

    return count(f"{channels} cameras, load {load:g}, {seconds} s", runs, once)


def accused(load: float, looks: int, between: float, shorter: float, runs: int) -> Covered:
    """How often a timeline contradicts a witness; one whose calls are `shorter` than they were should.

    `between` of the looks fall between a clock reading and the entry that shows it: those see the worker busy or not
    with the chance that it is, whatever the timeline says of their moment.
    """

    def once(rng: np.random.Generator) -> bool | None:
        n, service = 4_000, round(SERVICE_NS)
        begun = np.cumsum(service + rng.exponential(service * (1.0 / load - 1.0), n)).astype(np.int64)
        moments = np.sort(rng.integers(0, int(begun[-1]), looks))
        at = begun.searchsorted(moments, side="right") - 1
        busy = (at >= 0) & (moments < begun[at] + service)
        seen = np.where(rng.random(looks) < between, rng.random(looks) < load, busy)
        columns = Columns(
            scheduled_ns=begun,
            started_ns=begun,
            ended_ns=begun + round(service * (1.0 - shorter)),
            first_query=np.arange(n, dtype=np.int32),
            queries=np.ones(n, np.int32),
            worker=np.zeros(n, np.int16),
            status=np.zeros(n, np.uint8),
        )
        found = in_flight(columns, np.column_stack([moments, seen, np.zeros(looks)]).astype(np.int64))
        return not all(check.ok for check in in_flight_checks(columns, found))

    forged = f", calls {shorter:.0%} too short" if shorter else ""
    return count(f"busy {load:.0%}, {looks} looks, {between:.0%} between{forged}", runs, once)


def unsteady(name: str, draw: Draw, n: int, runs: int) -> Covered:
    """How often MSER-5 cuts more than half."""

    def once(rng: np.random.Generator) -> bool | None:
        cut = mser5_cut(draw(rng, n))
        return None if isinstance(cut, Refusal) else not is_steady(cut, n)

    return count(f"{name}, n = {n}", runs, once)


def drifting(rng: np.random.Generator, n: int) -> Floats:
    """Service times that fall by 10 % over the whole of the run."""
    return ar_1(0.0).draw(rng, n) * np.linspace(1.1, 1.0, n)


TABLES: dict[str, Callable[[int], Iterator[Covered]]] = {
    "Over repetitions, nominal 95 %": lambda runs: (
        *(repetitions(k, spread, 10 * runs) for k in LOOKS for spread in (0.02, 0.2)),
        *(repetitions_of(m_m_1(rho), 10_000, p, runs) for rho in (0.5, 0.8, 0.9) for p in (0.9, 0.99)),
        *(looks(spread, 10 * runs) for spread in (0.02, 0.04, 0.08)),
    ).__iter__(),
    "Within one run, batch means, nominal 95 %": lambda runs: (
        *(
            within(ar_1(phi), n, p, runs)
            for phi in (0.0, 0.5, 0.9)
            for n in (2_000, 20_000)
            for p in (None, 0.5, 0.9, 0.99)
        ),
        *(rate(ar_1(phi), n, runs) for phi in (0.0, 0.5, 0.9) for n in (200, 2_000, 20_000)),
        *(
            within(m_m_1(rho), n, p, runs)
            for rho in (0.5, 0.8, 0.9)
            for n in (10_000, 100_000)
            for p in (None, 0.9, 0.99)
        ),
    ).__iter__(),
    "Proportions (Wilson), nominal 95 %": lambda runs: (
        proportion(n, p, 10 * runs) for n in (192, 768, 2400) for p in (0.5, 0.9, 0.97)
    ),
    "Paired difference (Newcombe), nominal 95 %": lambda runs: (
        paired(n, gained, lost, runs)
        for n in (768, 2400)
        for gained, lost in ((0.015, 0.015), (0.005, 0.025), (0.001, 0.001))
    ),
    "MLPerf's early-stopping bound, nominal 99 %": lambda runs: (
        *(early_stopping(ar_1(0.0), n, p, runs) for n in (2_000, 20_000) for p in (0.9, 0.99)),
        *(early_stopping(m_m_1(rho), 100_000, 0.99, runs) for rho in (0.5, 0.8, 0.9)),
    ).__iter__(),
    "A rate is found to hold 1 % late": lambda runs: (
        passes(m_m_1(rho), share, 20_000, runs) for rho in (0.5, 0.8, 0.9) for share in (0.012, 0.01, 0.007, 0.004)
    ),
    "A queue is said to grow": lambda runs: (
        *(growing(rho, n, runs) for n in (3_000, 30_000) for rho in (0.5, 0.8, 0.9, 0.95, 1.05, 1.1, 1.3)),
        *(frames_growing(channels, 10, load, runs) for channels in (4, 16) for load in (0.8, 0.95, 1.01)),
        *(frames_growing(channels, 300, 0.8, runs // 4) for channels in (4, 16)),
    ).__iter__(),
    "A witness contradicts a timeline": lambda runs: (
        *(
            accused(load, looks, between, 0.0, runs)
            for load in (0.2, 0.8)
            for looks in (50, 1_000)
            for between in (0.0, 0.25)
        ),
        *(accused(0.8, looks, 0.0, shorter, runs) for looks in (50, 250, 1_000) for shorter in (0.03, 0.1, 0.3)),
    ).__iter__(),
    "Service times are said not to be steady": lambda runs: (
        *(unsteady(ar_1(phi).name, ar_1(phi).draw, n, runs) for phi in (0.0, 0.5, 0.9) for n in (500, 5_000)),
        *(unsteady("10 % drift", drifting, n, runs) for n in (500, 5_000)),
    ).__iter__(),
}


def main(runs: int) -> None:
    """Print every table in Markdown from `runs` simulated runs a line (ten times as many where they are cheap)."""
    for title, lines in TABLES.items():
        print(f"\n### {title}\n\n| | runs | given | share |\n|---|---:|---:|---:|", flush=True)  # noqa: T201
        for line in lines(runs):
            text = f"{line.share:.1%}" if line.given else "none"
            print(f"| {line.name} | {line.drawn} | {line.given / line.drawn:.0%} | {text} |", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
