"""What a precision allows raw outputs to be off by (measurement.md section 4), and which figure is held against it."""

from __future__ import annotations

from dataclasses import dataclass

from bench.records.numbers import RelativeError
from bench.tasks.base import ERROR_CLASS


@dataclass(frozen=True, slots=True)
class ErrorClass:
    """The class of `precision`; `own` is the limit of one network, in place of the usual one.

    A float precision is held by its worst sample. int8 is held by the median, for single samples differ between engines
    by more than what the class is to tell apart.
    """

    precision: str
    own: float | None = None

    @property
    def by_median(self) -> bool:
        """Whether the median is held, not the worst."""
        return self.precision == "int8"

    @property
    def limit(self) -> float:
        """The largest error allowed; infinite for int8 without a limit of its own."""
        return self.own if self.own is not None else ERROR_CLASS[self.precision]

    @property
    def at_worst(self) -> float:
        """The largest error that any one sample may have; infinite where the median is held."""
        return ERROR_CLASS[self.precision] if self.by_median else self.limit

    def seen(self, error: RelativeError) -> float:
        """The figure that is held against the limit."""
        return error.median if self.by_median else error.max

    def holds(self, error: RelativeError) -> bool:
        """Whether the error lies within."""
        return self.seen(error) <= self.limit
