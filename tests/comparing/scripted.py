"""Arms that answer from a list, and `bench ab` over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np

from bench.comparing.arms import Arm, TurnFailed
from bench.comparing.kept import Kept
from bench.comparing.margins import Margins
from bench.comparing.pairs import Asked, measure_pairs
from bench.records.pairs import ArmFacts, Caches, Pairs
from bench.records.plan import RunPlan
from tests.report import samples

PLAN = RunPlan(workloads=("image_classify",), scenarios=("offline",))


class Scripted:
    """An arm that answers from a list: a value, or what it fails with."""

    def __init__(self, spec: str, answers: Iterator[float | str], log: list[str], caches: Caches = "cold") -> None:
        self.facts = ArmFacts(spec=spec, python="python", package="bench", caches=caches)
        self._answers, self._log = answers, log

    def turn(self, plan: RunPlan) -> Kept:
        self._log.append(self.facts.spec)
        answer = next(self._answers)
        if isinstance(answer, str):
            raise TurnFailed(answer)
        record = samples.record(plan.scenarios[0])
        return Kept(origin="run", record=record, run=None, values={record.primary: (answer,)})


def noise(middle: float, deviation: float, seed: int) -> Iterator[float | str]:
    rng = np.random.default_rng(seed)
    while True:
        yield float(middle * np.exp(rng.normal(0.0, deviation)))


def measured(
    a: Iterator[float | str],
    b: Iterator[float | str],
    budget_s: float | None = None,
    caches: Caches = "cold",
    plans: tuple[RunPlan, ...] = (PLAN,),
) -> tuple[Pairs, list[str]]:
    log: list[str] = []
    arms = tuple(Scripted(name, answers, log, caches) for name, answers in (("A", a), ("B", b)))
    asked = Asked(plans=tuple((plan, plan) for plan in plans), margins=Margins(), budget_s=budget_s, seed=3)
    return measure_pairs(asked, cast("tuple[Arm, Arm]", arms), lambda *_: None), log
