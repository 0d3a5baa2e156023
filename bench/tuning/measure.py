"""Tuning of one measurement by trials in child processes: short repetitions, or searches for a rate, never scored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from bench.loadgen.supervisor import RepetitionFailed
from bench.models.base import Workload
from bench.records.effort import EFFORTS, Effort
from bench.records.hashing import derive_seed
from bench.records.job import Phase, SearchReport
from bench.records.metrics import PRIMARY
from bench.records.plan import SEARCHED, Measurement, RunPlan
from bench.records.record import Run, Trial
from bench.records.tuning import Choice, Tuning
from bench.repetition import BadRequest, Tryout, try_out
from bench.store.runs import RunFolder
from bench.tuning.axes import axes, choice_of, with_choice
from bench.tuning.search import search
from bench.tuning.tries import CandidateFailed, Tries

# A trial lasts a hundredth of the budget where that is enough for its figure, and never longer than a fifteenth.
_TRIAL_SHARE, _LONGEST_SHARE, _LEAST_TRIAL_S = 1 / 100, 1 / 15, 0.2
# A figure of wrong or missing answers is none. What a busy machine does to a moment's trial is no fault of a candidate.
_VOID = {"output-mismatch", "non-finite-output", "queries-failed", "out-of-memory", "session-lost", "engine-differs"}


def budget_of(plan: RunPlan) -> float:
    """Seconds for the tuning of one measurement."""
    return plan.tune_budget_s or EFFORTS[plan.mode].tune_budget_s


def tuned(
    folder: RunFolder, run: Run, workloads: Mapping[str, Workload], announce: Callable[[int, Phase], None]
) -> Run:
    """The run, kept, whose measurements have what tuning chose; what was tuned before is not tuned again.

    `announce` hears the position of the measurement. Raises BadRequest where its default cannot be done at all, or
    OSError where there is no room for a trial.
    """
    if not run.plan.tune:
        return run
    chosen = []
    for position, measurement in enumerate(run.measurements):
        found = folder.load_tuning(measurement.name)
        if found is None:
            found = _tune(folder, run, measurement, workloads[measurement.workload], partial(announce, position))
        chosen.append(measurement if found is None else with_choice(measurement, found.chosen))
    run = msgspec.structs.replace(run, measurements=tuple(chosen))
    folder.keep_run(run)
    return run


def _tune(
    folder: RunFolder, run: Run, measurement: Measurement, workload: Workload, announce: Callable[[Phase], None]
) -> Tuning | None:
    """Try candidates for `measurement` and keep what came of it; None where there are none."""
    budget_s = budget_of(run.plan)
    default = choice_of(measurement)
    along = axes(run.plan, measurement, workload.model().fixed_batch, run.host.cores_usable)
    if not any(axis.others(default) for axis in along):
        return None
    trials = _Trials(folder, run, measurement, workload, effort_of_trials(EFFORTS[run.plan.mode], budget_s), announce)
    tries = Tries(default, trials.measure, _preferred(measurement), budget_s)
    found = search(default, along, tries, budget_s)
    folder.keep_tuning(measurement.name, found)
    return found


def effort_of_trials(effort: Effort, budget_s: float) -> Effort:
    """How long a trial measures: shorter than a repetition, and with a warm-up to match."""
    duration_s = min(effort.duration_s, max(_LEAST_TRIAL_S, _TRIAL_SHARE * budget_s))
    return msgspec.structs.replace(
        effort,
        repetitions=(1,),
        duration_s=duration_s,
        longest_s=min(effort.longest_s, max(duration_s, _LONGEST_SHARE * budget_s)),
        window_s=min(effort.window_s, duration_s / 20),
        window_batches=1,
        search_width=max(effort.search_width, EFFORTS["quick"].search_width),
    )


def _preferred(measurement: Measurement) -> tuple[str, ...]:
    """The scenario's primary metric, and what stands in where trials are too short for it, or its load is given."""
    primary = PRIMARY[measurement.scenario]
    if measurement.scenario in SEARCHED and measurement.rate_per_s is not None:
        primary = "latency_p99_ns"
    return (primary, "latency_p90_ns", "latency_p50_ns") if primary.startswith("latency") else (primary,)


class _Trials:
    """Trials of one measurement; each candidate has a folder of its own, where the log of one that failed stays."""

    def __init__(
        self,
        folder: RunFolder,
        run: Run,
        measurement: Measurement,
        workload: Workload,
        effort: Effort,
        announce: Callable[[Phase], None],
    ) -> None:
        self._folder, self._run, self._measurement, self._workload = folder, run, measurement, workload
        self._effort, self._announce = effort, announce
        self._numbers: dict[Choice, int] = {choice_of(measurement): 0}
        folder.start_tuning(measurement.name)

    def measure(self, choice: Choice, name: tuple[str | int, ...], limit_s: float | None) -> Mapping[str, float]:
        """One trial. Raises CandidateFailed; BadRequest for the default, and OSError where there is no room."""
        number = self._numbers.setdefault(choice, len(self._numbers))
        self._announce(Phase(name="tune"))
        try:
            found = try_out(
                self._folder,
                self._run,
                with_choice(self._measurement, choice),
                self._workload,
                Tryout(
                    place=self._folder.start_candidate(self._measurement.name, number),
                    effort=self._effort,
                    seed=derive_seed(self._run.plan.seed, self._measurement.name, "tune", *name),
                    limit_s=limit_s,
                ),
            )
        except RepetitionFailed as error:
            if error.usage and number == 0:
                raise BadRequest(str(error)) from error
            raise CandidateFailed(str(error), error.late) from error
        return self._figures(found)

    def _figures(self, found: Trial | SearchReport) -> dict[str, float]:
        if isinstance(found, SearchReport):
            held_per_s, frames_per_s = found.search.passing_per_s or 0.0, self._measurement.frames_per_s
            return {PRIMARY[self._measurement.scenario]: held_per_s / (frames_per_s or 1.0)}
        void = [entry.code for entry in found.findings if entry.code in _VOID and entry.severity == "error"]
        if void:
            raise CandidateFailed(f"its answers are void: {', '.join(void)}")
        return {name: figure.value for name, figure in found.metrics.items() if figure.value is not None}
