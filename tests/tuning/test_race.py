"""`bench.tuning.race`: the best is found, slow moments are everybody's, and noise alone makes nobody better."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from bench.records.tuning import Choice
from bench.tuning.race import PAIRS, OutOfTime, duel, race

FIELD = [Choice(batch=batch, workers=1, threads=1) for batch in (8, 1, 2, 4, 16, 32)]
DEFAULT, BEST = FIELD[0], FIELD[4]


def by_batch(speeds: dict[int, float]) -> Callable[[Choice, int], float | None]:
    return lambda choice, number: speeds.get(choice.batch)


SPEEDS = {8: 8.0, 1: 1.0, 2: 2.0, 4: 4.0, 16: 16.0, 32: 15.0}


@pytest.mark.parametrize("field", list(itertools.permutations(FIELD))[::97])
def test_the_fastest_wins_in_any_order(field: tuple[Choice, ...]) -> None:
    assert race(field, by_batch(SPEEDS)) == (BEST, True)


def test_each_round_halves_the_field() -> None:
    tried: list[tuple[int, int]] = []

    def trial(choice: Choice, number: int) -> float | None:
        tried.append((number, choice.batch))
        return SPEEDS[choice.batch]

    race(FIELD, trial)
    rounds = [[batch for number, batch in tried if number == one] for one in (0, 1, 2)]
    assert [len(one) for one in rounds] == [6, 3, 2]
    assert rounds[0] == [8, 1, 2, 4, 16, 32]
    assert rounds[1] == [8, 32, 16], "backwards, so that what drifts with time favours nobody"


def test_the_first_wins_ties() -> None:
    for field in (FIELD, FIELD[::-1]):
        assert race(field, lambda choice, number: 1.0) == (field[0], True)


def test_of_two_nobody_leaves_for_one_slow_trial() -> None:
    slow = {(16, 0): 1.0}
    found, _ = race([DEFAULT, BEST], lambda one, number: slow.get((one.batch, number), float(one.batch)))
    assert found == BEST


@pytest.mark.parametrize("round_of_failure", [0, 1])
def test_one_that_fails_leaves(round_of_failure: int) -> None:
    def trial(choice: Choice, number: int) -> float | None:
        return None if choice == BEST and number == round_of_failure else SPEEDS[choice.batch]

    assert race(FIELD, trial)[0].batch == 32


def test_where_all_fail_the_first_stands() -> None:
    assert race(FIELD, lambda choice, number: None) == (DEFAULT, True)


@pytest.mark.parametrize("trials", range(11))
def test_when_time_ends_the_best_so_far_stands(trials: int) -> None:
    left = iter(range(trials))

    def trial(choice: Choice, number: int) -> float | None:
        if next(left, None) is None:
            raise OutOfTime
        return SPEEDS[choice.batch]

    best, whole = race(FIELD, trial)
    seen = FIELD[:trials] or [DEFAULT]
    assert best == max(seen, key=lambda one: SPEEDS[one.batch])
    assert not whole


# ------------------------------------------------------------------------------------------------------ the pairs


def test_pairs_begin_by_turns_and_share_their_number() -> None:
    tried: list[tuple[int, int]] = []

    def trial(choice: Choice, number: int) -> float | None:
        tried.append((number, choice.batch))
        return 1.0

    duel(BEST, DEFAULT, trial)
    assert tried == [(n, batch) for n in range(PAIRS) for batch in ((16, 8) if n % 2 == 0 else (8, 16))]


def test_a_clear_gain_is_ahead() -> None:
    found = duel(BEST, DEFAULT, lambda choice, number: choice.batch * (1.0 + 0.01 * (number % 2)))
    assert found.ahead
    assert found.gain is not None
    assert found.gain.value == pytest.approx(2.0)


def test_the_default_wins_ties() -> None:
    assert not duel(BEST, DEFAULT, lambda choice, number: 1.0).ahead


def test_noise_alone_puts_nobody_ahead() -> None:
    """The one-sided limit is at 95 %: of two that are equal one is put ahead in 5 % of cases (600 cases: ± 1.8 %)."""
    rng = np.random.default_rng(3)
    ahead = sum(
        duel(BEST, DEFAULT, lambda choice, number: float(np.exp(rng.normal(0.0, 0.05)))).ahead for _ in range(600)
    )
    assert 0.02 < ahead / 600 < 0.08


def test_a_gain_of_five_percent_is_seen_through_noise_of_two() -> None:
    rng = np.random.default_rng(4)

    def trial(choice: Choice, number: int) -> float | None:
        return float(np.exp(rng.normal(0.05 if choice == BEST else 0.0, 0.02)))

    assert sum(duel(BEST, DEFAULT, trial).ahead for _ in range(200)) > 180


def test_one_pair_shows_nothing() -> None:
    left = iter(range(3))

    def trial(choice: Choice, number: int) -> float | None:
        if next(left, None) is None:
            raise OutOfTime
        return SPEEDS[choice.batch]

    found = duel(BEST, DEFAULT, trial)
    assert (found.ahead, found.pairs) == (False, 1)
    assert found.gain is not None
    assert found.gain.interval is None


def test_no_rate_at_all_is_worse_than_any() -> None:
    assert duel(BEST, DEFAULT, by_batch({16: 5.0, 8: 0.0})).ahead
    assert not duel(BEST, DEFAULT, by_batch({16: 0.0, 8: 5.0})).ahead
    assert not duel(BEST, DEFAULT, by_batch({16: 0.0, 8: 0.0})).ahead


def test_who_fails_in_the_pairs_has_lost() -> None:
    assert duel(BEST, DEFAULT, by_batch({16: 5.0})).ahead
    assert not duel(BEST, DEFAULT, by_batch({8: 5.0})).ahead
