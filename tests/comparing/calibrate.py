"""How often `bench ab` cries wolf and what it finds, from repetitions that were really measured.

python -m tests.comparing.calibrate collect FILE COUNT WORKLOAD…   measure: fresh processes, one after the other
python -m tests.comparing.calibrate simulate FILE          thousands of A/B measurements drawn from them
python -m tests.comparing.calibrate cases FILE             every A/B that the measured repetitions hold, arm by arm
python -m tests.comparing.calibrate normal CV              the same from independent normal noise, four measurements

A file has, by measurement, the values of its primary metric in the order in which they were measured: of onnxruntime
(`plain`), and of speech_command in turns with it of the same engine that waits busily for 5 % of its time (`slowed`,
tests/comparing/slowed.py). What is drawn are runs of neighbours (a circular block as long as the A/B itself): slow
minutes stay as long as they were. Which of them is arm A and which B is drawn by the order that `bench ab` uses, and
then looked at and judged by its own code. Slower arms are `plain` times a factor, or what was measured of the slowed
engine.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from itertools import product
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

from .slowed import NAME, installed

Measurements = dict[str, list[float]]


class Collected(msgspec.Struct):
    """Repetition i of `plain` and, where there is one, of `slowed` were neighbours."""

    plain: Measurements = {}
    slowed: Measurements = {}


_SCENARIOS: tuple[Scenario, ...] = ("offline", "single_stream")
_SLOWED = "speech_command"  # what is measured of the slowed engine, too
_MARGIN = 0.02


def collect(file: Path, count: int, workloads: Sequence[str]) -> None:
    """Append `count` repetitions of each measurement; what was measured before stays."""
    found = msgspec.json.decode(file.read_bytes(), type=Collected) if file.exists() else Collected()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPATH"] = str(installed(Path(folder) / "package"))
        arms = [Arm(parsed(f"backend={name}"), Path(folder) / name, "warm") for name in ("onnxruntime", NAME)]
        for number in range(count + 1):  # the first one fills caches
            for workload, scenario in product(workloads, _SCENARIOS):
                plan, metric = RunPlan(workloads=(workload,), scenarios=(scenario,)), PRIMARY[scenario]
                turns = arms[:: 1 if number % 2 else -1] if workload == _SLOWED else arms[:1]
                try:
                    kept = [arm.turn(parsed(arm.facts.spec).plan(plan)) for arm in turns]
                except TurnFailed as failed:
                    sys.stderr.write(f"{workload}.{scenario}: {failed}\n")
                    continue
                if number:
                    for one in kept:
                        series = found.slowed if one.record.backend == NAME else found.plain
                        series.setdefault(one.name, []).append(one.values[metric][0])
            write_bytes(file, msgspec.json.encode(found))


def verdicts(
    series: dict[str, Sequence[float]],
    starts: dict[str, int],
    seed: int,
    slower: float = 1.0,
    slowed: Measurements | None = None,
) -> list[Judged]:
    """What `bench ab` ends with over these measurements, when their repetitions go on from `starts`.

    `slower` is the factor of arm B's time; `slowed` has its values, where it was another engine.
    """
    arms: dict[str, dict[str, list[float]]] = {}
    for place, (name, values) in enumerate(series.items()):
        sides: dict[str, list[float]] = {"a": [], "b": []}
        better = 1.0 / slower if _metric(name) == "samples_per_s" else slower
        order = orders(seed + place)
        for turn in range(LOOKS[-1]):
            for half, side in enumerate(next(order)):
                taken = slowed[name] if slowed is not None and side == "b" else values
                value = taken[(starts[name] + 2 * turn + half) % len(taken)]
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


def simulate(series: Measurements, times: int, slower: float, slowed: Measurements | None = None) -> dict[str, float]:
    """Shares of the verdicts over `times` A/B measurements, and of `worse` the one-sided 95 % limit."""
    dice = np.random.default_rng(11)
    counts: Counter[str] = Counter()
    for number in range(times):
        starts = {name: int(dice.integers(len(values))) for name, values in series.items()}
        counts.update(entry.verdict for entry in verdicts(dict(series), starts, 1000 * number, slower, slowed))
    return _shares(counts)


def cases(found: Collected) -> None:
    """Print the A/As and A/Bs that were really measured: disjoint blocks as long as the last look, in their order."""
    for name, values in found.plain.items():
        for start in range(0, len(values) - 2 * LOOKS[-1] + 1, 2 * LOOKS[-1]):
            (same,) = verdicts({name: values}, {name: start}, start)
            sys.stdout.write(f"{name} from {start}: A/A {_told(same)}\n")
            if name in found.slowed:
                (slow,) = verdicts({name: values}, {name: start}, start, slowed={name: found.slowed[name]})
                sys.stdout.write(f"{name} from {start}: A/B 5 % slower {_told(slow)}\n")


def _told(entry: Judged) -> str:
    assert entry.change is not None
    return f"{entry.verdict} ({100 * entry.change:+.2f} %, {entry.repetitions[0]} pairs)"


def _shares(counts: Counter[str]) -> dict[str, float]:
    total = sum(counts.values())
    shares = {verdict: count / total for verdict, count in counts.items()}
    return shares | {"comparisons": total, "worse at most": share_limit(counts.get("worse", 0), total)}


def normal(deviation: float) -> Measurements:
    """Four measurements of independent normal noise."""
    noise = np.random.default_rng(1).normal(0.0, deviation, (4, 20_000))
    return {f"workload{i}.offline.fp32": np.exp(row).tolist() for i, row in enumerate(noise)}


def report(found: Collected) -> None:
    """Print how measured repetitions scatter, and what A/Bs that are drawn from them end with."""
    for name, values in found.plain.items():
        logs = np.log(values)
        sys.stdout.write(f"{name}: {len(values)} repetitions, CV {100 * logs.std(ddof=1):.2f} %\n")
        if name in found.slowed:
            others = np.log(found.slowed[name])
            scatter, apart = 100 * others.std(ddof=1), 100 * (others.mean() - logs.mean())
            sys.stdout.write(f"{name}: slowed CV {scatter:.2f} %, apart {apart:+.2f} %\n")
    for slower in (1.0, 1.05, 1.1):
        sys.stdout.write(f"arm B {100 * (slower - 1):.0f} % slower: {simulate(found.plain, 1000, slower)}\n")
    both = {name: values for name, values in found.plain.items() if name in found.slowed}
    if both:
        sys.stdout.write(f"arm B waits for 5 %: {simulate(both, 1000, 1.0, found.slowed)}\n")


def main(what: str, *rest: str) -> None:
    if what == "collect":
        collect(Path(rest[0]), int(rest[1]), rest[2:])
    elif what == "normal":
        drawn = normal(float(rest[0]))
        for slower in (1.0, 1.02, 1.05, 1.1):
            sys.stdout.write(f"arm B {100 * (slower - 1):.0f} % slower: {simulate(drawn, 500, slower)}\n")
    else:
        {"cases": cases, "simulate": report}[what](msgspec.json.decode(Path(rest[0]).read_bytes(), type=Collected))


if __name__ == "__main__":
    main(*sys.argv[1:])
