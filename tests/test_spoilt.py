"""`bench.spoilt`: what corruption costs in tasks whose answers are not right or wrong by themselves."""

from __future__ import annotations

import numpy as np
import pytest

from bench.measures import MEASURES
from bench.records.numbers import Refusal
from bench.scoring.bootstrap import drawn
from bench.spoilt import COSTS, Bootstrapped, Resampled
from bench.tasks import TASKS

PEOPLE, DIMENSIONS = 300, 16


def embeddings(noise: float, seed: int = 1) -> np.ndarray:
    """Two pictures of each person, beside each other."""
    centres = np.repeat(np.random.default_rng(0).normal(size=(PEOPLE, DIMENSIONS)), 2, axis=0)
    return (centres + noise * np.random.default_rng(seed).normal(size=centres.shape)).astype(np.float32)


WHO = np.stack(np.divmod(np.arange(2 * PEOPLE), 2), axis=1)


def test_every_task_has_one() -> None:
    assert set(COSTS) == set(MEASURES) == set(TASKS)


def test_what_nothing_is_done_to_costs_nothing() -> None:
    clean = {"embedding": embeddings(0.5)}
    costs = COSTS["verify"](clean, WHO)
    assert not isinstance(costs, Refusal)
    found = costs(clean)
    assert found.value[0] == MEASURES["verify"].value(clean, WHO)[0]  # type: ignore[index]
    value, interval = found.loss
    assert (value, interval.low, interval.high) == (0.0, 0.0, 0.0)
    assert interval.kind == "bootstrap-identities"


def test_only_what_the_camera_sees_is_spoilt() -> None:
    """Documents spoilt beyond recognition cost nothing, for they are not looked at; live pictures cost all."""
    clean, spoilt = embeddings(0.5), embeddings(50.0, seed=7)
    documents, live = clean.copy(), clean.copy()
    documents[::2], live[1::2] = spoilt[::2], spoilt[1::2]
    costs = COSTS["verify"]({"embedding": clean}, WHO)
    assert not isinstance(costs, Refusal)
    assert costs({"embedding": documents}).loss[0] == 0.0
    assert costs({"embedding": live}).loss[0] > 0.8


def test_the_loss_of_texts_is_paired_and_its_interval_that_of_a_loop() -> None:
    rng = np.random.default_rng(3)
    said = rng.integers(1, 9, (200, 10))
    clean, noisy = said.copy(), said.copy()
    clean[::4, 2] = 9
    noisy[::4, 2] = 9
    noisy[:60, 5] = 9
    costs = COSTS["recognise"]({"text": clean}, said)
    assert not isinstance(costs, Refusal)
    value, interval = costs({"text": noisy}).loss
    assert value == pytest.approx(60 / 2000)
    losses = []
    for number in range(500):
        times = drawn(200, number)
        losses.append(sum(times[:60]) / (10 * 200))
    assert (interval.low, interval.high) == (
        pytest.approx(np.quantile(losses, 0.025)),
        pytest.approx(np.quantile(losses, 0.975)),
    )


def test_things_that_are_not_found_any_more_are_lost() -> None:
    rng = np.random.default_rng(4)
    corners = rng.uniform(0, 50, (40, 5, 2))
    labels = np.concatenate(
        [np.zeros((40, 5, 1)), corners, corners + 20, np.full((40, 5, 1), 400.0), np.zeros((40, 5, 1))], axis=2
    )
    rows = np.concatenate([labels[..., 1:5], np.full((40, 5, 1), 0.9), labels[..., :1]], axis=2).astype(np.float32)
    blind = rows.copy()
    blind[::2] = -1
    costs = COSTS["detect"]({"detections": rows}, labels)
    assert not isinstance(costs, Refusal)
    found = costs({"detections": blind})
    assert found.value[0] == pytest.approx(0.5, abs=0.02)
    assert found.loss[0] == pytest.approx(1 - found.value[0])
    assert found.loss[1].low < found.loss[0] < found.loss[1].high


def test_too_few_to_tell_is_refused() -> None:
    few = {"embedding": embeddings(0.5)[:40]}
    assert isinstance(COSTS["verify"](few, WHO[:40]), Refusal)
    assert isinstance(COSTS["recognise"]({"text": np.full((3, 4), -1)}, np.full((3, 4), -1)), Refusal)


def test_single_answers_are_counted() -> None:
    labels = np.arange(100) % 4
    clean, worse = np.eye(4)[labels], np.eye(4)[labels]
    worse[:25] = np.eye(4)[(labels[:25] + 1) % 4]
    costs = COSTS["classify"]({"logits": clean}, labels)
    assert not isinstance(costs, Refusal)
    found = costs({"logits": worse})
    assert (found.value[0], found.loss[0], found.loss[1].kind) == (0.75, 0.25, "newcombe-paired")


def test_both_sides_are_the_same_draws() -> None:
    asked = []

    def resample(outputs: object, labels: object) -> Resampled:
        asked.append(outputs)
        return Resampled(value=1.0, values=np.arange(5.0))

    costs = Bootstrapped(resample, "bootstrap-samples", lambda clean, stressed, labels: stressed)({}, WHO)
    assert not isinstance(costs, Refusal)
    costs({})
    costs({})
    assert len(asked) == 3, "the clean answers are resampled once"
