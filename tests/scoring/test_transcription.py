"""`bench.scoring.transcription` against a slow edit distance, known cases, simulation and hostile input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.scoring.quality import samples_needed
from bench.scoring.transcription import (
    Transcript,
    accuracy_interval,
    resampled_accuracies,
    transcript,
    transcription_verdict,
)


def padded(texts: list[list[int]], most: int = 12) -> np.ndarray:
    result = np.full((len(texts), most), -1, np.int32)
    for row, text in enumerate(texts):
        result[row, : len(text)] = text
    return result


def slow_edits(first: list[int], second: list[int]) -> int:
    """Levenshtein's distance by the whole table."""
    table = [[max(i, j) if min(i, j) == 0 else 0 for j in range(len(second) + 1)] for i in range(len(first) + 1)]
    for i in range(1, len(first) + 1):
        for j in range(1, len(second) + 1):
            differs = first[i - 1] != second[j - 1]
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + differs)
    return table[-1][-1]


TEXT = st.lists(st.integers(0, 4), max_size=9)


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=6))
def test_edits_are_those_of_the_whole_table(pairs: list[tuple[list[int], list[int]]]) -> None:
    answered, said = [list(texts) for texts in zip(*pairs, strict=True)]
    said[0] = [*said[0], 1]  # something is said
    found = transcript(padded(answered), padded(said))
    assert found.edits.tolist() == [slow_edits(a, b) for a, b in zip(answered, said, strict=True)]
    assert found.lengths.tolist() == [len(text) for text in said]


@pytest.mark.parametrize(
    ("answered", "said", "edits"),
    [
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, 3], [1, 2, 3], 1),
        ([1, 2, 2, 3], [1, 2, 3], 1),
        ([3, 2, 1], [1, 2, 3], 2),
        ([], [1, 2, 3], 3),
        ([4, 4], [], 2),
        ([], [], 0),
        # Numbers that would be white space, or no characters at all, if they were code points themselves.
        ([32, 9, 10], [10, 32, 9], 2),
        ([55_296, 13], [13], 1),
    ],
)
def test_known_cases(answered: list[int], said: list[int], edits: int) -> None:
    found = transcript(padded([answered, [7]]), padded([said, [7]]))
    assert found.edits.tolist() == [edits, 0]


def test_the_share_counts_characters_and_not_utterances() -> None:
    found = transcript(padded([[1], [1, 2, 3, 4, 9, 9, 9, 9]]), padded([[2], [1, 2, 3, 4, 5, 6, 7, 8]]))
    assert found.accuracy == pytest.approx(1 - 5 / 9)


def test_more_edits_than_characters_are_worth_nothing_and_not_less() -> None:
    found = transcript(padded([[1, 2, 3, 4, 5]]), padded([[9]]))
    assert found.edits.tolist() == [5]
    assert found.accuracy == 0.0
    interval = accuracy_interval(found)
    assert (interval.low, interval.high) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("edits", "lengths", "message"),
    [
        ([1, 2], [3], "shape"),
        ([[1]], [[2]], "shape"),
        ([-1, 0], [3, 3], "negative"),
        ([0, 1], [0, 0], "at least one character"),
        ([], [], "at least one character"),
    ],
)
def test_malformed_transcripts_are_refused(edits: list[int], lengths: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Transcript(edits=np.array(edits, np.int64), lengths=np.array(lengths, np.int64))


def test_other_numbers_of_utterances_are_refused() -> None:
    with pytest.raises(ValueError, match="2 texts answered and 1 said"):
        transcript(padded([[1], [2]]), padded([[1]]))


def made(count: int, rng: np.random.Generator, rate: float = 0.06) -> Transcript:
    """Utterances of 2 to 18 characters; each has a rate of errors of its own around `rate`."""
    lengths = rng.integers(2, 19, count)
    own = np.minimum(1.0, rate * rng.exponential(size=count))
    return Transcript(edits=rng.binomial(lengths, own).astype(np.int64), lengths=lengths.astype(np.int64))


def test_resampling_is_that_of_a_loop_and_always_the_same() -> None:
    found = made(40, np.random.default_rng(1))
    rates = resampled_accuracies(found, 5)
    for number, rate in enumerate(rates):
        words = np.random.PCG64(np.random.SeedSequence([40, number])).random_raw(40)
        drawn = [int(word >> np.uint64(11)) % 40 for word in words]
        said = sum(int(found.lengths[place]) for place in drawn)
        assert rate == pytest.approx(1 - sum(int(found.edits[place]) for place in drawn) / said)
    assert np.array_equal(rates, resampled_accuracies(found, 130)[:5])


def test_a_set_without_characters_does_not_spoil_the_interval() -> None:
    found = Transcript(edits=np.array([0, 1, 0]), lengths=np.array([0, 4, 0]))
    assert np.isnan(resampled_accuracies(found)).any()
    interval = accuracy_interval(found)
    assert 0.0 <= interval.low <= interval.high <= 1.0


@pytest.mark.full
def test_the_interval_covers_what_it_says() -> None:
    rng, truth, inside, runs = np.random.default_rng(5), 0.0, 0, 150
    rate = 0.06
    # The share of a very large set; `minimum` above makes it a little less than the rate.
    large = made(400_000, rng, rate)
    truth = large.accuracy
    for _ in range(runs):
        interval = accuracy_interval(made(300, rng, rate))
        inside += interval.low <= truth <= interval.high
    assert interval.kind == "bootstrap-utterances"
    # 95 % of 150 with a standard deviation of 2.7; a bootstrap of 300 skew numbers falls short by one in a hundred.
    assert inside >= 130


def test_interval_of_characters_as_if_independent_would_be_too_narrow() -> None:
    """Errors come in bunches, and the interval knows: it is wider than one that resamples characters."""
    rng = np.random.default_rng(3)
    lengths = np.full(400, 20, np.int64)
    edits = np.where(rng.random(400) < 0.05, 20, 0).astype(np.int64)
    interval = accuracy_interval(Transcript(edits=edits, lengths=lengths))
    share = edits.sum() / lengths.sum()
    independent = 2 * 1.96 * np.sqrt(share * (1 - share) / lengths.sum())
    assert interval.high - interval.low > 3 * independent


def test_an_equal_candidate_passes_and_a_worse_one_fails() -> None:
    reference = made(3000, np.random.default_rng(2))
    same = transcription_verdict(reference, reference, 0.9, 0.99)
    assert same.passed is True
    assert same.difference.kind == "bootstrap-utterances"
    assert (same.difference.low, same.difference.high) == (0.0, 0.0)
    assert same.counts.gained == same.counts.lost == 0
    assert same.samples_needed == samples_needed(0.99, reference.accuracy)
    worse = Transcript(
        edits=np.minimum(reference.lengths, reference.edits + (np.arange(3000) % 4 == 0)), lengths=reference.lengths
    )
    lost = transcription_verdict(worse, reference, 0.5, 0.99)
    assert lost.passed is False
    assert lost.target_met
    assert lost.difference.high < 0.0
    # One edit more in every fourth utterance of ten characters: 2.5 %.
    assert lost.value - lost.reference == pytest.approx(-0.025, abs=0.002)


def test_a_missed_target_fails_whatever_the_reference() -> None:
    reference = made(3000, np.random.default_rng(2))
    assert transcription_verdict(reference, reference, 0.99, 0.99).passed is False


def test_few_utterances_cannot_carry_the_class() -> None:
    reference = made(500, np.random.default_rng(2))
    verdict = transcription_verdict(reference, reference, 0.9, 0.99)
    assert (verdict.offered, verdict.passed) == (False, None)


def test_other_utterances_are_refused() -> None:
    first, second = made(50, np.random.default_rng(1)), made(50, np.random.default_rng(2))
    with pytest.raises(ValueError, match="not transcripts of the same utterances"):
        transcription_verdict(first, second, 0.9, 0.99)
