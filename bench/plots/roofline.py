"""Roofline: operations per second over operations per byte, each measurement a point, under the peaks of its devices.

As in all plots, the object holds its numbers first and then draws into given axes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bench.plots.drawing import label_beside, log_axis
from bench.plots.fonts import identifier
from bench.plots.palette import PAPER, Palette
from bench.plots.systems import system_name
from bench.records.record import Record
from bench.report.rows import State, executed_precision, record_state
from bench.text import figures, sentence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROOM = 3.0


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement: operations per byte at most, and operations per second reached."""

    system: str
    name: str
    state: State
    intensity: float
    ops_per_s: float


@dataclass(frozen=True, slots=True)
class Roof:
    """A peak of a system for one precision, where it comes from, and the bandwidth (bytes/s) where it is known."""

    system: str
    precision: str
    source: str
    ops_per_s: float
    bytes_per_s: float | None


@dataclass(frozen=True, slots=True)
class Roofs:
    """Points and roofs of one system or several."""

    points: tuple[Point, ...]
    roofs: tuple[Roof, ...]

    @classmethod
    def of(cls, records: Sequence[Record], names: Sequence[str] | None = None) -> Roofs | None:
        """From the records of any workloads and scenarios; None where none of them counted operations.

        `names` are those of their systems, one for each record; several records are of one system.
        """
        points: list[Point] = []
        roofs: dict[Roof, None] = {}
        for system, record in zip(names or [system_name(one) for one in records], records, strict=True):
            found = record.roofline
            if found is None or found.bytes_per_sample <= 0.0 or found.achieved_ops_per_s <= 0.0:
                continue
            intensity = found.ops_per_sample / found.bytes_per_sample
            state, name = record_state(record), record.measurement.name
            points.append(Point(system, name, state, intensity, found.achieved_ops_per_s))
            precision = executed_precision(record)
            for one in found.peaks:
                roofs[Roof(system, precision, one.source, one.ops_per_s, found.bandwidth_bytes_per_s)] = None
        return cls(tuple(points), tuple(roofs)) if points else None

    def draw(self, axes: Axes, lang: str, palette: Palette | None = None) -> Axes:
        """Both axes logarithmic; points and roofs are named in a column beside the axes."""
        palette = palette or Palette.of(point.system for point in self.points)
        factor, unit = figures.axis_unit("OP/s", max(point.ops_per_s for point in self.points))
        intensities = self._extent(axes, factor)
        for roof in self.roofs:
            _draw_roof(axes, roof, intensities, factor, palette)
        for point in self.points:
            face = {"markerfacecolor": PAPER} if point.state == "invalid" else {}
            axes.plot(
                [point.intensity], [point.ops_per_s / factor], linestyle="", **palette[point.system].marks(6) | face
            )
        places = [(point.intensity, point.ops_per_s / factor) for point in self.points]
        places += [(float(intensities[-1]), roof.ops_per_s / factor) for roof in self.roofs]
        label_beside(axes, places, [*map(self._label, self.points), *map(self._roof_label, self.roofs)])
        axes.set_xlabel(sentence(lang, "plot.intensity"))
        axes.set_ylabel(f"{sentence(lang, 'plot.operations')} ({unit})")
        axes.set_title(sentence(lang, "plot.roofline" if self.roofs else "plot.roofline_bare"))
        return axes

    def _extent(self, axes: Axes, factor: float) -> NDArray[np.float64]:
        """Set both axes; returns intensities from edge to edge."""
        x = np.array([point.intensity for point in self.points])
        # Where a roof bends belongs into the picture, or nobody sees what limits.
        bends = [roof.ops_per_s / roof.bytes_per_s for roof in self.roofs if roof.bytes_per_s]
        y = np.array([point.ops_per_s for point in self.points] + [roof.ops_per_s for roof in self.roofs]) / factor
        low, high = min([x.min(), *bends]) / _ROOM, max([x.max(), *bends]) * _ROOM
        log_axis(axes, "x", low, high)
        log_axis(axes, "y", y.min() / _ROOM, y.max() * _ROOM)
        return np.geomspace(low, high, 200)

    def _label(self, point: Point) -> str:
        several = len({one.system for one in self.points}) > 1
        return f"{identifier(point.name, 34)}" + (f", {identifier(point.system, 24)}" if several else "")

    def _roof_label(self, roof: Roof) -> str:
        peak = f"{identifier(roof.precision, 8)} {figures.operations(roof.ops_per_s)}"
        return f"{peak}, {identifier(roof.source, 34)}"


def _draw_roof(axes: Axes, roof: Roof, intensities: NDArray[np.float64], factor: float, palette: Palette) -> None:
    look = palette[roof.system]
    slope = intensities * (np.inf if roof.bytes_per_s is None else roof.bytes_per_s)
    axes.plot(
        intensities, np.minimum(roof.ops_per_s, slope) / factor, color=look.colour, linestyle=look.line, linewidth=1.2
    )
