"""A task made for tests whose raw outputs are condensed: the places of scores above zero, best first."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bench.measures import MEASURES, RightOrWrong
from bench.tasks import TASKS
from bench.tasks.base import NamedArrays, Outputs, Task
from bench.tasks.ragged import FILLER

TASK, ANSWERS = "places", "places"


def condense(outputs: Outputs) -> NamedArrays:
    scores = next(iter(outputs.values())).reshape(len(next(iter(outputs.values()))), -1)
    found = np.argsort(-scores, axis=1, kind="stable")
    return {ANSWERS: np.where(np.take_along_axis(scores, found, axis=1) > 0, found, FILLER)}


class FirstPlace(RightOrWrong):
    """Right is who names the label first; takes condensed answers alone."""

    def value(self, outputs: Outputs, labels: NDArray[np.generic]):  # type: ignore[no-untyped-def]
        return super().value(_votes(outputs), labels)

    def verdict(self, outputs, stored, labels, target, share):  # type: ignore[no-untyped-def]
        return super().verdict(_votes(outputs), _votes(stored), labels, target, share)

    def agreement(self, outputs, stored, labels):  # type: ignore[no-untyped-def]
        return super().agreement(_votes(outputs), _votes(stored), labels)


def _votes(answers: Outputs) -> NamedArrays:
    places = answers[ANSWERS]
    assert places.dtype.kind == "i"
    votes = np.zeros(places.shape)
    votes[np.arange(len(places)), places[:, 0]] = 1.0
    return {"votes": votes}


def register(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASKS, TASK, Task(name=TASK, metric="top1", single_answers=False, condense=condense))
    monkeypatch.setitem(MEASURES, TASK, FirstPlace())
