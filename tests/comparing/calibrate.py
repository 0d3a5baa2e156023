"""How often `bench ab` cries wolf and what it finds, from repetitions that were really measured.

python -m tests.comparing.calibrate collect FILE [COUNT]   measure: fresh processes, one after the other (an hour or so)
python -m tests.comparing.calibrate simulate FILE          thousands of A/B measurements drawn from them
python -m tests.comparing.calibrate normal CV              the same from independent normal noise, four measurements

A file has, by measurement, the values of its primary metric in the order in which they were measured. What is drawn
are runs of neighbours (a circular block as long as the A/B itself): slow minutes stay as long as they were. Which of
them is arm A and which B is drawn by the order that `bench ab` uses, and then looked at and judged by its own code.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from bench.comparing.arms import Arm, TurnFailed, parsed
from bench.comparing.pairs import orders
from bench.comparing.verdicts import blank, by_scatter, over_report
from bench.records.comparison import Judged
from bench.records.metrics import PRIMARY
from bench.records.plan import RunPlan, Scenario
from bench.scoring.differences import share_limit
from bench.scoring.intervals import LOOKS, look_confidence
from bench.store.files import write_bytes

Measurements = dict[str, list[float]]
_SUITE: tuple[tuple[str, Scenario], ...] = (
    ("speech_command", "offline"),
    ("speech_command", "single_stream"),
)
_MARGIN = 0.02


def collect(file: Path, count: int) -> None:
    """Append `count` repetitions of each measurement; what was measured before stays."""
    found: Measurements = msgspec.json.decode(file.read_bytes(), type=Measurements) if file.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        arm = Arm(parsed(""), Path(folder) / "arm", "warm")
        for number in range(count + 1):  # the first one fills caches
            for workload, scenario in _SUITE:
                try:
                    kept = arm.turn(RunPlan(workloads=(workload,), scenarios=(scenario,)))
                except TurnFailed as failed:
                    sys.stderr.write(f"{workload}.{scenario}: {failed}\n")
                    continue
                if number:
                    found.setdefault(f"{kept.name}", []).append(kept.values[PRIMARY[scenario]][0])
            write_bytes(file, msgspec.json.encode(found))


def verdicts(
    series: dict[str, Sequence[float]], starts: dict[str, int], seed: int, slower: float = 1.0
) -> list[Judged]:
    """What `bench ab` ends with over these measurements, when their repetitions go on from `starts`.

    `slower` is the factor of arm B's time.
    """
    arms: dict[str, dict[str, list[float]]] = {}
    for place, (name, values) in enumerate(series.items()):
        sides: dict[str, list[float]] = {"a": [], "b": []}
        better = 1.0 / slower if _metric(name) == "samples_per_s" else slower
        order = orders(seed + place)
        for turn in range(LOOKS[-1]):
            for half, side in enumerate(next(order)):
                value = values[(starts[name] + 2 * turn + half) % len(values)]
                sides[side].append(value * (better if side == "b" else 1.0))
        arms[name] = sides
    counts = dict.fromkeys(series, LOOKS[0])
    judged: tuple[Judged, ...] = ()
    for look in LOOKS:
        for entry in judged or ():
            if entry.verdict == "inconclusive":
                counts[entry.measurement] = look
        alpha = 1.0 - look_confidence(look)
        entries = [_entry(name, arms[name], counts[name], alpha, len(series)) for name in series]
        judged = over_report(entries, alpha)
        if all(entry.verdict != "inconclusive" for entry in judged):
            break
    return list(judged)


def _entry(name: str, sides: dict[str, list[float]], count: int, alpha: float, family: int) -> Judged:
    here, there = sides["a"][:count], sides["b"][:count]
    return by_scatter(blank(name, _metric(name), _MARGIN, here, there), here, there, alpha, family)


def _metric(name: str) -> str:
    scenario: Scenario = name.split(".")[1]  # type: ignore[assignment]  # of the suite
    return PRIMARY[scenario]


def simulate(series: Measurements, times: int, slower: float) -> dict[str, float]:
    """Shares of the verdicts over `times` A/B measurements, and of `worse` the one-sided 95 % limit."""
    dice = np.random.default_rng(11)
    counts: dict[str, int] = {}
    for number in range(times):
        starts = {name: int(dice.integers(len(values))) for name, values in series.items()}
        for entry in verdicts(dict(series), starts, 1000 * number, slower):
            counts[entry.verdict] = counts.get(entry.verdict, 0) + 1
    total = sum(counts.values())
    shares = {verdict: count / total for verdict, count in counts.items()}
    return shares | {"comparisons": total, "worse at most": share_limit(counts.get("worse", 0), total)}


def normal(deviation: float) -> Measurements:
    """Four measurements of independent normal noise."""
    noise = np.random.default_rng(1).normal(0.0, deviation, (4, 20_000))
    return {f"workload{i}.offline.fp32": np.exp(row).tolist() for i, row in enumerate(noise)}


if __name__ == "__main__":
    if sys.argv[1] == "collect":
        collect(Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 40)
    elif sys.argv[1] == "normal":
        drawn = normal(float(sys.argv[2]))
        for slower in (1.0, 1.02, 1.05, 1.1):
            sys.stdout.write(f"arm B {100 * (slower - 1):.0f} % slower: {simulate(drawn, 500, slower)}\n")
    else:
        measured = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=Measurements)
        for name, values in measured.items():
            logs = np.log(values)
            sys.stdout.write(f"{name}: {len(values)} repetitions, CV {100 * logs.std(ddof=1):.2f} %\n")
        for slower in (1.0, 1.05, 1.1):
            sys.stdout.write(f"arm B {100 * (slower - 1):.0f} % slower: {simulate(measured, 1000, slower)}\n")
