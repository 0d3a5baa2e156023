"""Threads that read sensors while something else is measured, and what they noted down."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.power.sensor import READING_FAILS, Described, Sensor

Int64s = NDArray[np.int64]
Float64s = NDArray[np.float64]


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """Readings of one sensor: (n,) ns of the harness's clock, ascending, and (n,) joules or watts as read."""

    sensor: Described
    times_ns: Int64s
    values: Float64s
    reading_s: float


class Recorder:
    """Begins to read with `Recorder(sensors)`, ends with `stop()`; a reading that fails is left out."""

    def __init__(self, sensors: Sequence[Sensor], least_pause_s: float = 0.0) -> None:
        self._over = threading.Event()
        self._tapes = [_Tape(sensor, max(sensor.pause_s, least_pause_s), self._over) for sensor in sensors]
        for tape in self._tapes:
            tape.start()

    def stop(self, patience_s: float = 2.0) -> list[Trace]:
        """What was read, sensor by sensor; one that hangs is not waited for."""
        self._over.set()
        for tape in self._tapes:
            tape.join(timeout=patience_s)
        return [tape.trace() for tape in self._tapes]


class _Tape(threading.Thread):
    def __init__(self, sensor: Sensor, pause_s: float, over: threading.Event) -> None:
        super().__init__(daemon=True, name=f"reads {sensor.source}")
        self._sensor, self._pause_s, self._over = sensor, pause_s, over
        self._noted: list[tuple[int, float]] = []
        self._reading_s = 0.0

    def run(self) -> None:
        while True:
            self._note()
            if self._over.wait(self._pause_s):
                self._note()  # so that the window's end lies between two readings
                return

    def trace(self) -> Trace:
        noted = list(self._noted)
        return Trace(
            sensor=self._sensor,
            times_ns=np.array([at for at, _ in noted], np.int64),
            values=np.array([value for _, value in noted], np.float64),
            reading_s=self._reading_s,
        )

    def _note(self) -> None:
        before, busy = time.perf_counter_ns(), time.thread_time()
        try:
            value = self._sensor.read()
        except READING_FAILS:
            return
        finally:
            self._reading_s += time.thread_time() - busy
        if value >= 0:
            self._noted.append(((before + time.perf_counter_ns()) // 2, value))
