"""The course of each primary figure over the kept runs of a runner, with the changes of its level."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.comparing.baselines import runner_of
from bench.comparing.kept import Kept, kept_records
from bench.records.course import Course, LevelChange, Point
from bench.records.metrics import METRICS
from bench.records.untrusted import BadFile
from bench.scoring.change_points import change_points
from bench.store.runs import RUN, runs_in

_Key = tuple[str, str, str, str]


def courses(results: Path) -> tuple[list[Course], list[str]]:
    """The courses of all sound records under `results`, and in one line each what could not be read."""
    kept, broken = list[Kept](), list[str]()
    for folder in reversed(list(runs_in(results))):
        try:
            kept += kept_records(folder.path / RUN, folder.path.name).values()
        except BadFile as error:
            broken.append(str(error))
    return courses_of(kept), broken


def courses_of(kept: Iterable[Kept]) -> list[Course]:
    """One course for each runner, measurement and mode, in the order in which the records come."""
    groups: dict[_Key, list[Kept]] = {}
    for entry in kept:
        figure = entry.record.metrics.get(entry.record.primary)
        if entry.record.valid and entry.run is not None and figure is not None and (figure.value or 0.0) > 0.0:
            key = (runner_of(entry), entry.name, entry.record.mode, entry.record.primary)
            groups.setdefault(key, []).append(entry)
    return [_course(key[0], entries) for key, entries in groups.items()]


def _course(runner: str, entries: Sequence[Kept]) -> Course:
    record = entries[0].record
    metric = METRICS[record.primary]
    points = tuple(_point(entry, metric.id) for entry in entries)
    found = change_points([math.log(point.value) for point in points])
    return Course(
        runner=runner,
        measurement=record.measurement.name,
        mode=record.mode,
        metric=metric.id,
        unit=metric.unit,
        better=metric.better,
        points=points,
        changes=tuple(
            LevelChange(
                place=place,
                run=points[place].run,
                change=math.expm1(step),
                strength=strength,
                verdict="better" if (step > 0.0) == (metric.better == "higher") else "worse",
            )
            for place, strength, step in found
        ),
    )


def _point(kept: Kept, metric: str) -> Point:
    value = kept.record.metrics[metric].value
    assert value is not None
    assert kept.run is not None
    return Point(run=kept.record.run_id, started_at=kept.run.started_at, value=value)
