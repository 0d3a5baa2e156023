"""Single measurements outside a run: a plan of one workload and scenario, tried for as long as somebody says."""

from __future__ import annotations

import datetime
from pathlib import Path

import msgspec

from bench import __version__
from bench.host.observer import Observer
from bench.records.effort import effort_of
from bench.records.plan import RunPlan
from bench.records.record import Run, Trial
from bench.repetition import Tryout, try_out
from bench.runner import Prepared, prepare
from bench.store.runs import RunFolder

# Of what is planned; a machine that slows down needs longer for the same work.
_LONGEST = 3.0
_WINDOW_S = 0.1


class Trying:
    """A plan of one measurement, ready to be tried under `place`, which nothing of it leaves."""

    def __init__(self, plan: RunPlan, place: Path) -> None:
        """Raises as `bench.runner.prepare`."""
        self._prepared: Prepared = prepare(plan)
        (self.measurement,) = self._prepared.measurements
        self._folder = RunFolder.of(place, "trying")
        self._place, self._tried = place, 0
        self._run = Run(
            suite_version=__version__,
            run_id="trying",
            started_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            status="partial",
            plan=self._prepared.plan,
            host=self._prepared.host,
            measurements=self._prepared.measurements,
            hardware=self._prepared.hardware,
        )

    def trial(self, seconds: float, seed: int, observer: Observer | None = None) -> Trial:
        """One repetition of about `seconds`, with what `observer` sees. Raises RepetitionFailed or OSError."""
        place = self._place / f"{self._tried:03d}"
        place.mkdir(parents=True)
        self._tried += 1
        effort = msgspec.structs.replace(
            effort_of("quick", self.measurement),
            duration_s=seconds,
            longest_s=_LONGEST * seconds,
            window_s=min(_WINDOW_S, seconds / 20),
        )
        workload = self._prepared.workloads[self.measurement.workload]
        tryout = Tryout(place=place, effort=effort, seed=seed, limit_s=None)
        found = try_out(self._folder, self._run, self.measurement, workload, tryout, observer)
        assert isinstance(found, Trial)
        return found
