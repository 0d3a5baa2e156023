"""`bench.tuning.search` on engines in closed form with a clock of their own: the best choice is known in advance."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from bench.records.plan import RunPlan
from bench.records.tuning import Choice, Tuning
from bench.tuning.axes import axes, choice_of
from bench.tuning.search import search
from bench.tuning.tries import CandidateFailed, Tries

from ..fixtures import measurement

OFFLINE = measurement("offline", batch=8, threads=8)
DEFAULT = choice_of(OFFLINE)
Speed = Callable[[Choice], float]


class Engine:
    """An engine by formula: a trial takes `trial_s` on its clock; what is over `most_batch` has no memory."""

    def __init__(self, speed: Speed, trial_s: float = 1.0, noise: float = 0.0, most_batch: int = 1 << 20) -> None:
        self.speed, self.trial_s, self.noise, self.most_batch = speed, trial_s, noise, most_batch
        self.now = 100.0
        self.rng = np.random.default_rng(0)
        self.limits: list[float | None] = []

    def measure(self, choice: Choice, name: Sequence[str | int], limit_s: float | None) -> Mapping[str, float]:
        self.limits.append(limit_s)
        self.now += self.trial_s
        if choice.batch > self.most_batch:
            raise CandidateFailed("out of memory")
        return {"samples_per_s": self.speed(choice) * float(np.exp(self.rng.normal(0.0, self.noise)))}

    def tuned(self, budget_s: float = 1000.0, cores: int = 8, **fixed: int) -> Tuning:
        along = axes(RunPlan(scenarios=("offline",), **fixed), OFFLINE, None, cores)  # type: ignore[arg-type]
        tries = Tries(DEFAULT, self.measure, ("samples_per_s",), budget_s, lambda: self.now)
        return search(DEFAULT, along, tries, budget_s)


def scripted(delay: float, each: float, contention: float) -> Speed:
    """Samples per second of the fake backend, from its settings in seconds."""
    return lambda one: one.workers * one.batch / ((delay + one.batch * each) * (1 + contention * (one.workers - 1)))


@pytest.mark.parametrize("delay", [0.0, 0.001, 0.05])
@pytest.mark.parametrize("contention", [0.0, 0.4, 1.0, 2.0])
@pytest.mark.parametrize("most_batch", [8, 48, 300])
def test_the_best_of_the_grid_is_found(delay: float, contention: float, most_batch: int) -> None:
    """The grid is written out here: powers of two, since the default is one."""
    speed = scripted(delay, 0.0001, contention)
    found = Engine(speed, most_batch=most_batch).tuned()
    grid = [
        Choice(batch=batch, workers=workers, threads=1)
        for batch, workers in itertools.product((1, 2, 4, 8, 16, 32, 64, 128, 256), (1, 2, 4, 8))
        if batch <= most_batch
    ]
    assert speed(found.chosen) == pytest.approx(max(speed(one) for one in grid))


def test_a_delay_per_call_wants_the_largest_batch_that_fits() -> None:
    found = Engine(scripted(0.01, 0.0001, 1.0), most_batch=64).tuned()
    assert found.chosen == Choice(batch=64, workers=1, threads=8)
    assert found.reason == "ahead"
    failed = {one.choice.batch: one.failure for one in found.candidates if one.failure is not None}
    assert failed
    assert set(failed.values()) == {"out of memory"}
    assert min(failed) > 64


@pytest.mark.parametrize("seed", range(30))
def test_under_noise_the_choice_is_not_worse_than_the_default(seed: int) -> None:
    """The default is the best here by 2 %: noise of 3 % must not talk anybody out of it, but for what 5 % allow."""
    engine = Engine(lambda one: 1.0 if one == DEFAULT else 0.98, noise=0.03)
    engine.rng = np.random.default_rng(seed)
    found = engine.tuned()
    assert found.chosen == DEFAULT
    assert found.reason in ("not-ahead", "default-best")


def test_the_default_stays_where_nothing_is_better() -> None:
    found = Engine(lambda one: 1.0).tuned()
    assert (found.chosen, found.reason) == (DEFAULT, "default-best")
    assert not found.exhausted
    assert found.candidates[0].choice == DEFAULT


def test_a_default_that_fails_is_replaced() -> None:
    found = Engine(lambda one: float(one.batch), most_batch=4).tuned(workers=1, threads=8)
    assert (found.chosen.batch, found.reason) == (4, "default-failed")


def test_where_everything_fails_the_default_stays() -> None:
    found = Engine(lambda one: 1.0, most_batch=0).tuned()
    assert (found.chosen, found.reason, found.metric) == (DEFAULT, "all-failed", None)


@pytest.mark.parametrize("budget_s", [1.0, 3.0, 10.0, 20.0, 25.0, 40.0])
def test_the_budget_is_kept(budget_s: float) -> None:
    engine = Engine(scripted(0.01, 0.0001, 0.5))
    found = engine.tuned(budget_s)
    assert found.seconds == engine.now - 100.0 <= budget_s
    assert found.candidates[0].figures, "the default is always measured"
    assert found.exhausted
    assert engine.limits[0] is None
    assert all(limit is not None and limit <= budget_s for limit in engine.limits[1:])
    if budget_s < 5.0:
        assert (found.chosen, found.reason) == (DEFAULT, "out-of-time")
    if budget_s >= 20.0:
        assert found.reason == "ahead", "a part of the time is kept for the pairs"
        assert found.pairs >= 2


def test_what_a_trial_cannot_give_is_not_compared() -> None:
    """p90 stands in for p99 where the first trial is too short; one that gives neither has failed."""

    def measure(choice: Choice, name: object, limit_s: object) -> Mapping[str, float]:
        return {} if choice.threads == 4 else {"latency_p90_ns": 1000.0 * choice.threads}

    tries = Tries(DEFAULT, measure, ("latency_p99_ns", "latency_p90_ns"), 100.0, lambda: 0.0)
    along = axes(RunPlan(scenarios=("offline",), batch=8, workers=1), OFFLINE, None, 8)
    found = search(DEFAULT, along, tries, 100.0)
    assert found.metric == "latency_p90_ns"
    assert found.chosen.threads == 1, "of latencies the smallest is the best"
    assert {one.choice.threads: one.failure for one in found.candidates if one.failure} == {
        4: "a trial gives no latency_p90_ns"
    }


def test_a_candidate_stopped_for_its_time_has_failed_unless_the_budget_ended() -> None:
    def late(engine: Engine) -> Callable[..., Mapping[str, float]]:
        def measure(choice: Choice, name: Sequence[str | int], limit_s: float | None) -> Mapping[str, float]:
            if choice.batch > 8:
                assert limit_s is not None
                engine.now += limit_s
                raise CandidateFailed("it took longer", late=True)
            return Engine.measure(engine, choice, name, limit_s)

        return measure

    for budget_s, expected in ((1000.0, {32, 128, 16}), (12.0, set())):
        engine = Engine(scripted(0.01, 0.0001, 1.0))
        tries = Tries(DEFAULT, late(engine), ("samples_per_s",), budget_s, lambda engine=engine: engine.now)
        along = axes(RunPlan(scenarios=("offline",), threads=8, workers=1), OFFLINE, None, 8)
        found = search(DEFAULT, along, tries, budget_s)
        assert found.chosen == DEFAULT
        assert {one.choice.batch for one in found.candidates if one.failure is not None} == expected
        assert found.seconds <= budget_s
        assert found.exhausted == (not expected)
