"""Steady load for minutes or hours: does speed drift, does memory grow, does anything fail or throttle?"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path

import numpy as np
import psutil

from bench.host.observer import IDLE_S, Observer
from bench.judging.energy import DEVICE_METRIC, WALL_METRIC
from bench.judging.state import state_findings
from bench.loadgen.supervisor import RepetitionFailed
from bench.power.choice import sources_here
from bench.records.endurance import Soak, Trend
from bench.records.findings import Finding
from bench.records.numbers import Sketch
from bench.records.plan import RunPlan
from bench.records.record import Trial
from bench.repetition import BadRequest
from bench.scoring.trend import DRIFT, SURE, mann_kendall, parts
from bench.trying import Trying

# Growth of memory that no allocator explains: so much, and such a share of what there was.
LEAK_BYTES, LEAK_SHARE = 32 << 20, 0.02
# Of the time: what comes before is still filling caches and pools.
_SETTLED = 0.2
_TENTH = 10
_PERIOD_S = 1.0
_ENERGY = (WALL_METRIC, DEVICE_METRIC)


def soak(plan: RunPlan, seconds: float) -> Soak:
    """Load the one measurement of `plan` for `seconds`, and look at its course. Raises as `prepare`, or BadRequest."""
    with tempfile.TemporaryDirectory() as place:
        trying = Trying(plan, Path(place))
        memory = _MemoryWatch()
        try:
            trial = trying.trial(seconds, plan.seed, Observer(sources_here(plan.power), IDLE_S, expected_s=seconds))
        except RepetitionFailed as error:
            if error.usage:
                raise BadRequest(str(error)) from None
            return Soak(measurement=trying.measurement, seconds=seconds, failure=str(error))
        finally:
            course = memory.stop()
    assert trial.report is not None
    begin_ns, end_ns = trial.report.t0_ns, trial.report.t0_ns + trial.report.elapsed_ns
    inside = [resident for at_ns, resident in course if begin_ns <= at_ns <= end_ns]
    return judged(Soak(measurement=trying.measurement, seconds=trial.elapsed_s), trial, inside)


def judged(begun: Soak, trial: Trial, memory: list[int]) -> Soak:
    """The soak with its trends, its findings and its verdict; `memory` in bytes, once a second of the loaded time."""
    found = _found(trial)
    sketch = trial.sketch
    rate, latency = _windows(sketch) if sketch is not None else (np.empty(0), np.empty(0))
    settled = np.array(memory[int(len(memory) * _SETTLED) :], np.float64)
    throughput, delay = _trend(rate, DRIFT, 0.0), _trend(latency, DRIFT, 0.0)
    grown = _trend(settled, LEAK_SHARE, LEAK_BYTES)
    failed = trial.metrics.get("failed_share")
    share = failed.value if failed is not None and failed.value is not None else 0.0
    drifts = (throughput is not None and throughput.drifts) or (grown is not None and grown.drifts and grown.change > 0)
    errors = any(one.severity == "error" for one in found) or any(one.code == "throttled" for one in found)
    return Soak(
        measurement=begun.measurement,
        seconds=begun.seconds,
        samples_per_s=throughput,
        latency_ns=delay,
        memory_bytes=grown,
        window_s=sketch.window_ns * 1e-9 if sketch is not None else 0.0,
        window_samples=sketch.window_completed if sketch is not None else (),
        window_latency_ns=sketch.window_mean_ns if sketch is not None else (),
        memory_course_bytes=tuple(memory),
        failed_share=share,
        state=trial.state,
        energy=trial.energy,
        energy_per_sample_j={name: trial.metrics[name] for name in _ENERGY if name in trial.metrics},
        findings=found,
        sound=not (drifts or errors or share > 0.0),
    )


def _found(trial: Trial) -> tuple[Finding, ...]:
    """What was found, and what changed on the machine as severe as it is in a measurement: a soak is no quick look."""
    state = state_findings(trial.state, "standard")
    told = {(one.code, one.subject) for one in state}
    return (*(one for one in trial.findings if (one.code, one.subject) not in told), *state)


def _windows(sketch: Sketch) -> tuple[np.ndarray, np.ndarray]:
    """Samples per second and mean latency of whole windows: the last one ends when the load does."""
    rate = np.array(sketch.window_completed[:-1], np.float64) / (sketch.window_ns * 1e-9)
    latency = np.array([value for value in sketch.window_mean_ns[:-1] if value is not None], np.float64)
    return rate, latency


def _trend(values: np.ndarray, share: float, least: float) -> Trend | None:
    """None where there are too few values to speak of a course."""
    if values.size < _TENTH:
        return None
    tenth = max(1, values.size // _TENTH)
    first, last = float(values[:tenth].mean()), float(values[-tenth:].mean())
    significance = mann_kendall(parts(values))
    change = last / first - 1.0 if first else 0.0
    drifts = significance < SURE and abs(change) > share and abs(last - first) > least
    return Trend(first=first, last=last, change=change, significance=significance, drifts=drifts)


class _MemoryWatch:
    """Resident memory of the processes that this one started, once a second."""

    def __init__(self) -> None:
        self._course: list[tuple[int, int]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> list[tuple[int, int]]:
        """Moments in ns, and bytes, of each look at which there was a process."""
        self._over.set()
        self._thread.join(timeout=2.0)
        return self._course

    def _follow(self) -> None:
        here = psutil.Process()
        while not self._over.wait(_PERIOD_S):
            total = 0
            for child in here.children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:  # it has just ended
                    continue
            if total:
                self._course.append((time.perf_counter_ns(), total))
