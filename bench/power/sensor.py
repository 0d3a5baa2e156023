"""What all sensors of power and counters of energy have in common."""

from __future__ import annotations

from typing import Protocol

from bench.records.energy import How, Scope, Source

# What reading may raise, once it had worked: it costs that reading.
READING_FAILS = (OSError, ValueError, TypeError, RuntimeError)


class Unreadable(Exception):
    """A kind of sensor that is not here, or may not be read; half a sentence that says why."""


class Described(Protocol):
    """What readings are of: a counter of joules that only rises, or watts as they are at a moment.

    A counter that wraps says after how many joules in `wraps_at`.
    """

    source: Source
    name: str
    scope: Scope
    how: How
    wraps_at: float | None


class Sensor(Described, Protocol):
    """Something that can be read at any moment; `pause_s` is how long to wait in between."""

    pause_s: float

    def read(self) -> float:
        """Joules, or watts. Raises one of READING_FAILS."""
