"""The margins that a runner's own scatter allows, from an arm that was measured against itself."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from pathlib import Path

from bench.records.comparison import Judged
from bench.records.pairs import Pairs
from bench.records.untrusted import BadFile, read_json
from bench.scoring.differences import least_margin, log_scatter_of, scatter_of
from bench.scoring.intervals import LOOKS, look_confidence


class Unfit(ValueError):
    """A runner on which an arm differs from itself; the message names what of it."""


def read_floor(path: Path) -> Pairs:
    """What `bench ab` kept of an arm against itself. Raises BadFile for anything else, Unfit where they differ."""
    pairs = read_json(path, Pairs)
    if (pairs.first.spec, pairs.first.commit) != (pairs.second.spec, pairs.second.commit):
        raise BadFile(
            f"{path}: arm A is {pairs.first.spec!r}, arm B {pairs.second.spec!r}; a floor takes one and the same"
        )
    if pairs.end == "repetition-failed":
        raise BadFile(f"{path}: a repetition failed")
    for entry in pairs.comparison.judged:
        taken = min(entry.repetitions)
        if taken < LOOKS[0]:
            raise BadFile(f"{path}: {entry.measurement} has {taken} pairs, and {LOOKS[0]} are the least")
        if entry.verdict in ("worse", "better"):
            raise Unfit(
                f"{path}: {entry.measurement} was found {entry.verdict} than itself in {entry.metric}. "
                "This runner cannot tell a regression; see `bench doctor`."
            )
    return pairs


def floor_margins(pairs: Pairs) -> dict[str, float]:
    """A margin for each metric that was judged, by `<workload>.<scenario>.<metric>`.

    The one that was asked for, or the least at which an arm would be found the same as itself with a power of 80 % at
    the last look, held to the first of its family, where that is wider. Both arms are one sample here.
    """
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for turn in pairs.turns:
        for metric, value in turn.values.items():
            values[turn.measurement, metric].append(value)
    alpha = (1.0 - look_confidence(LOOKS[-1])) / len(pairs.comparison.judged)
    found = {}
    for entry in pairs.comparison.judged:
        workload, scenario = entry.measurement.split(".")[:2]
        reached = _reached(entry, values[entry.measurement, entry.metric], alpha)
        found[f"{workload}.{scenario}.{entry.metric}"] = max(entry.margin, reached)
    return found


def as_file(margins: dict[str, float], pairs: Pairs) -> str:
    """A margins file, rounded up to a hundredth of a percent."""
    taken = sum(turn.side == "a" for turn in pairs.turns)
    lines = [
        f"# What a runner can tell: an arm against itself, {pairs.started_at}, {taken} pairs, {pairs.suite_version}.",
        "[metric]",
        *(f"{json.dumps(name)} = {math.ceil(margin * 1e4 - 1e-9) / 1e4:.4f}" for name, margin in margins.items()),
    ]
    return "\n".join(lines) + "\n"


def _reached(entry: Judged, values: list[float], alpha: float) -> float:
    if entry.scale == "points":
        return float(least_margin(scatter_of(values), LOOKS[-1], alpha))
    bound = float(least_margin(log_scatter_of(values), LOOKS[-1], alpha))
    return -math.expm1(-bound)
