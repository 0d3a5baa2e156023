"""Everything that one measurement says, computed again from what lies in an unpacked archive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from bench.judging.record import Setup, judge_record, next_step
from bench.judging.roofline import cost_of
from bench.models.base import Workload
from bench.models.opening import open_workload
from bench.records.findings import FAILED, Finding
from bench.records.plan import Measurement
from bench.records.record import Record, Trial
from bench.records.submission import Item
from bench.store.timeline_file import TIMELINE
from bench.submission.answers import judged_again, timed_again
from bench.submission.claims import is_of_suite, suite_model_hash
from bench.submission.consistency import (
    conforming,
    distinct_trials,
    fingerprint,
    one_machine,
    sizes,
    times_of_trial,
    unchecked,
    violated,
)
from bench.submission.contents import OUTPUTS, Contents
from bench.submission.differences import first_difference
from bench.submission.retrial import expected_seed, job_of, retry
from bench.submission.timelines import read_foreign

_BUDGET = "budget-exhausted"
_ROBUSTNESS, _ROOFLINE = "robustness-loss", "above-roofline"


def guarded(check: str, subject: str, found: Callable[[], Iterable[Item]]) -> Iterator[Item]:
    """What a check finds; where hostile data break it, that is a violation: a check that did not end passed nothing."""
    try:
        yield from list(found())
    except Exception as error:  # noqa: BLE001 - nobody can foresee what was handed in
        words = " ".join(f"{type(error).__name__}: {error}".split())
        yield violated(check, subject, "not-computable", words)


class Verified:
    """One measurement of an unpacked run."""

    def __init__(self, contents: Contents, record: Record) -> None:
        self._contents, self._record = contents, record
        self._run, self._folder = contents.run, contents.folder.path
        self._measurement: Measurement = record.measurement
        self._name, self._trials = record.measurement.name, contents.trials[record.measurement.name]
        self._workload = self._opened()
        self._fingerprints: list[tuple[Trial, str | None]] = []

    def items(self) -> Iterator[Item]:
        """All that is verified of it, in order."""
        yield from guarded("model", self._name, self._model)
        for trial in self._trials:
            place = f"{self._name}/trial-{trial.index:02d}"
            yield from self._seed(trial, place)
            if trial.status == "complete":
                yield from guarded("timeline", place, partial(self._trial, trial, place))
        yield from guarded("distinct", self._name, lambda: distinct_trials(self._name, self._fingerprints))
        yield from guarded("host", self._name, lambda: one_machine(self._run, self._name, self._trials))
        yield from guarded("record", self._name, self._scored_again)
        yield from self._beyond_reach()

    def _opened(self) -> Workload | None:
        """The suite's own workload; files that a submitter names are never opened."""
        plan, name = self._run.plan, self._measurement.workload
        if plan.model is not None or plan.data is not None or not is_of_suite(name):
            return None
        return open_workload(name, None, self._measurement.timed_region)

    def _seed(self, trial: Trial, place: str) -> Iterator[Item]:
        expected = expected_seed(self._run, self._measurement, trial.index)
        yield conforming("seed", place) if trial.seed == expected else violated("seed", place, "other-seed", trial.seed)

    def _trial(self, trial: Trial, place: str) -> Iterator[Item]:
        table = read_foreign(self._folder / place / TIMELINE)
        self._fingerprints.append((trial, fingerprint(table)))
        report = trial.report
        if report is None:
            yield violated("timeline", place, "no-report")
            return
        queries = len(table["query"])
        again = retry(self._run, self._measurement, trial, table, self._folder)
        yield from sizes(place, again.columns, self._measurement, report)
        yield from times_of_trial(place, again.columns, trial, report, self._run.host)
        if not again.schedule_known:
            yield unchecked("schedule", place, "other-driver")
        elif again.schedule is not None:
            yield violated("schedule", place, "other-schedule", again.schedule)
        else:
            yield conforming("schedule", place)
        computed = msgspec.structs.replace(again.trial, findings=trial.findings)
        difference = first_difference(computed, trial)
        yield conforming("figures", place) if difference is None else violated("figures", place, "figures", difference)
        yield from guarded("findings", place, lambda: self._findings(trial, again.trial.findings, place))
        yield from guarded("timed-answers", place, lambda: self._timed(trial, place, queries))

    def _findings(self, trial: Trial, base: tuple[Finding, ...], place: str) -> Iterator[Item]:
        """The findings of the timeline come first, then those of the answers."""
        expected, kept = base, tuple(entry for entry in trial.findings if entry.code != _ROBUSTNESS)
        if trial.index == 0 and self._workload is not None:
            job = job_of(self._run, self._measurement, trial, self._folder)
            folder = self._folder / self._name
            items, more = judged_again(folder, self._workload, job, trial, self._run.plan.mode)
            yield from items
            expected = base + more
        elif trial.index == 0:
            yield unchecked("quality", self._name, "own-model")
            kept = kept[: len(base)]
        difference = first_difference(expected, kept)
        yield (
            conforming("findings", place) if difference is None else violated("findings", place, "figures", difference)
        )

    def _timed(self, trial: Trial, place: str, total: int) -> Iterator[Item]:
        if self._workload is None:
            yield unchecked("timed-answers", place, "own-model")
            return
        job = job_of(self._run, self._measurement, trial, self._folder)
        by_batch = total * self._measurement.batch if self._measurement.scenario == "offline" else total
        yield from timed_again(self._folder / place / OUTPUTS, self._workload, job, trial, by_batch)

    def _model(self) -> Iterator[Item]:
        expected = suite_model_hash(self._run, self._record)
        hashes = {trial.report.model_hash for trial in self._trials if trial.report is not None}
        if expected is None:
            yield unchecked("model", self._name, "own-model")
        elif not hashes and not self._record.model_hash:
            yield unchecked("model", self._name, "no-report")  # no repetition went through, and nothing was measured
        elif hashes - {expected} or self._record.model_hash != expected:
            yield violated("model", self._name, "other-model", self._record.model_hash)
        else:
            yield conforming("model", self._name)

    def _scored_again(self) -> Iterator[Item]:
        record, run = self._record, self._run
        setup = Setup(
            run_id=run.run_id,
            suite_version=run.suite_version,
            plan=run.plan,
            host=run.host,
            suite_model_hash=suite_model_hash(run, record),
            nonce=run.nonce,
            hardware=run.hardware,
            cost=cost_of(self._workload) if self._workload is not None else None,
        )
        searched = self._contents.folder.load_search(self._name)
        complete = record.status == "complete"
        if complete and next_step(self._measurement, searched, self._trials, run.plan.mode) is not None:
            yield violated("record", self._name, "repetitions-due", len(self._trials))
            return
        # That its time ended is not in the raw data; it makes a record worse, never better.
        beside = {_BUDGET} if self._workload is not None else {_BUDGET, _ROOFLINE}
        kept = msgspec.structs.replace(
            record,
            findings=tuple(one for one in record.findings if one.code not in beside),
            tuning=None,
            # Nobody but its owner can count the operations of a graph that is not in the archive.
            roofline=record.roofline if self._workload is not None else None,
        )
        computed = judge_record(setup, self._measurement, self._trials, complete, searched)
        if not kept.repetitions:  # written before records held them; what they come to is compared all the same
            computed = msgspec.structs.replace(computed, repetitions={})
        difference = first_difference(computed, kept)
        yield (
            conforming("record", self._name)
            if difference is None
            else violated("record", self._name, "figures", difference)
        )

    def _beyond_reach(self) -> Iterator[Item]:
        """What is in the record and follows from nothing in the archive."""
        record, failed = self._record, [entry for entry in self._record.findings if entry.code in FAILED]
        told = {
            "in-flight": any(trial.in_flight is not None for trial in self._trials),
            "energy": any(trial.energy is not None and trial.energy.sources for trial in self._trials),
            "state": any(trial.state is not None for trial in self._trials),
            "robustness": record.robustness is not None,
            "tuning": record.tuning is not None,
            "search": record.search is not None,
            "challenge": record.challenge is not None,
            "failures": bool(failed),
            "roofline": record.roofline is not None and self._workload is None,
        }
        yield from (unchecked(check, self._name, "summary-only") for check, there in told.items() if there)
