"""A picture by its name: what `bench plot` draws of kept records or of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final  # Any: plots have nothing in common but `draw`

import numpy as np

from bench.plots.budget import Budget
from bench.plots.channels import SearchCourse
from bench.plots.compared import Compared
from bench.plots.course import Course
from bench.plots.drawing import new_figure, style
from bench.plots.forest import Forest
from bench.plots.latency import QuantileCurve, QuantileCurves
from bench.plots.pareto import Pareto
from bench.plots.places import Places, row_names
from bench.plots.ramp import RampCurve, RampCurves
from bench.plots.roofline import Roofs
from bench.plots.strip import Strip
from bench.plots.subjects import Subject
from bench.plots.systems import system_names
from bench.records.listing import Listing, Row
from bench.records.record import Record

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_Draw = Callable[["Axes", str], "Axes"]
_WIDE: Final = 8.0


class CannotDraw(ValueError):
    """There is no such picture of what was named; one line that says why."""


@dataclass(frozen=True)
class Wish:
    """What was asked for beside the picture: `metric` of a comparison, the number of a `row` of a list."""

    metric: str | None = None
    row: int | None = None


@dataclass(frozen=True)
class _Panels:
    """Drawings one below the other, each of this size in inches."""

    draws: tuple[_Draw, ...]
    width: float
    height: float


def drawn(kind: str, subject: Subject, wish: Wish, lang: str) -> Figure:
    """The picture `kind`, one of `KINDS`, labelled in `lang`. Raises CannotDraw."""
    if subject.listing is not None:
        panels = _of_list(kind, subject.listing, wish)
    elif kind in _OF_RECORDS:
        panels = _OF_RECORDS[kind](subject, wish)
    else:
        raise CannotDraw(f"`{kind}` is a picture of a list: name the list.json that `bench procure` wrote")
    if panels is None:
        raise CannotDraw(f"nothing that was named has what `{kind}` draws; `bench plot --help` says what that is")
    with style(lang):
        figure = new_figure(panels.width, panels.height * len(panels.draws))
        axes = np.atleast_1d(figure.subplots(len(panels.draws), 1))
        for draw, place in zip(panels.draws, axes, strict=True):
            draw(place, lang)
    return figure


def _latency(subject: Subject, _: Wish) -> _Panels | None:
    records = _one_measurement(subject.records, QuantileCurve.of)
    if len(records) == 1:
        return _panels(QuantileCurve.of(records[0]), 7.0, 3.6)
    return _panels(QuantileCurves.of(records), 9.0, 4.0)


def _course(subject: Subject, _: Wish) -> _Panels | None:
    draws = [course.draw for record in subject.records if (course := Course.of(record)) is not None]
    return _Panels(tuple(draws), 7.0, 3.0) if draws else None


def _ramp(subject: Subject, _: Wish) -> _Panels | None:
    records = _one_measurement(subject.records, RampCurve.of)
    if len(records) == 1 and (curve := RampCurve.of(records[0])) is not None:
        return _Panels((curve.draw_rates, curve.draw_latency), 7.0, 3.2)
    return _panels(RampCurves.of(records), 9.0, 4.0)


def _search(subject: Subject, _: Wish) -> _Panels | None:
    draws = [course.draw for record in subject.records if (course := SearchCourse.of(record)) is not None]
    return _Panels(tuple(draws), 7.0, 3.2) if draws else None


def _compared(subject: Subject, wish: Wish) -> _Panels | None:
    def has(record: Record) -> object | None:
        figure = record.metrics.get(wish.metric or record.primary)
        return None if figure is None else figure.value

    plot = Compared.of(_one_measurement(subject.records, has), wish.metric)
    return _panels(plot, 9.0, plot.height) if plot is not None else None


def _roofline(subject: Subject, _: Wish) -> _Panels | None:
    return _panels(Roofs.of(subject.records), 9.0, 4.0)


def _state(subject: Subject, _: Wish) -> _Panels | None:
    draws = [strip.draw for trials in subject.trials for strip in Strip.of(trials)]
    return _Panels(tuple(draws), 7.0, 1.8) if draws else None


def _front(subject: Subject, _: Wish) -> _Panels | None:
    runs: dict[str, list[Record]] = {}
    for record in subject.records:
        runs.setdefault(record.run_id, []).append(record)
    names = system_names([records[0] for records in runs.values()])
    systems = dict(zip(names, runs.values(), strict=True))
    workloads = dict.fromkeys(record.measurement.workload for record in subject.records)
    draws = [plot.draw for workload in workloads if (plot := Pareto.of(systems, workload)) is not None]
    return _Panels(tuple(draws), 9.0, 3.6) if draws else None


def _of_list(kind: str, made: Listing, wish: Wish) -> _Panels | None:
    """The formal table, or the self-tests where nothing formal was ranked."""
    if kind not in OF_LISTS:
        raise CannotDraw(f"`{kind}` is a picture of kept records; of a list there are {', '.join(OF_LISTS)}")
    places = Places.of(made) or Places.of(made, "self-test")
    if kind == "front":
        return _panels(Pareto.of_listing(made) or Pareto.of_listing(made, "self-test"), 9.0, 4.0)
    if places is None and (wish.row is None or kind in ("places", "pairs")):
        raise CannotDraw("no row of the list was ranked; the list says what each of them lacks")
    if kind in ("places", "pairs"):
        assert places is not None
        return _Panels((places.draw if kind == "places" else places.draw_pairs,), _WIDE, places.height)
    names, reference = row_names(made), made.policy.reference.system
    if kind == "forest" and wish.row is None:
        ranked = [row for row in made.rows if places is not None and row.number in {one.number for one in places.rows}]
        plot = Forest.of_rows(ranked, [names[row.number] for row in ranked], reference)
    else:
        row = _row(made, wish.row if wish.row is not None else places.rows[0].number if places is not None else 0)
        title = names[row.number]
        forest = kind == "forest"
        plot = Forest.of_row(row, reference, title) if forest else Budget.of(row, title)  # type: ignore[assignment]
    return _panels(plot, _WIDE, plot.height) if plot is not None else None


def _row(made: Listing, number: int) -> Row:
    for row in made.rows:
        if row.number == number:
            return row
    raise CannotDraw(f"the list has no row {number}; it has {len(made.rows)}")


def _panels(plot: Any, width: float, height: float) -> _Panels | None:
    return _Panels((plot.draw,), width, height) if plot is not None else None


def _one_measurement(records: Sequence[Record], has: Callable[[Record], object | None]) -> list[Record]:
    """Those of `records` that can be drawn. Raises CannotDraw where these are of several measurements."""
    found = [record for record in records if has(record) is not None]
    kinds = {(one.measurement.workload, one.measurement.scenario, one.timed_region) for one in found}
    if len(kinds) > 1:
        names = ", ".join(sorted({record.measurement.name for record in found}))
        raise CannotDraw(f"only one measurement fits into this picture, and these are {names}: name RUN/MEASUREMENT")
    return found


_OF_RECORDS: Final[dict[str, Callable[[Subject, Wish], _Panels | None]]] = {
    "latency": _latency,
    "course": _course,
    "ramp": _ramp,
    "search": _search,
    "compare": _compared,
    "roofline": _roofline,
    "state": _state,
    "front": _front,
}
OF_LISTS: Final = ("places", "pairs", "front", "budget", "forest")
KINDS: Final = tuple(dict.fromkeys((*_OF_RECORDS, *OF_LISTS)))
"""Every picture that can be asked for by name."""
