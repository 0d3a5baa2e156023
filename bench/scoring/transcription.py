"""Transcription: the share of characters right, 1 - CER, where CER counts edits per character of what was said.

An edit is a character substituted, inserted or left out (Levenshtein 1966), aligned by jiwer. Characters of an
utterance are right or wrong together, so intervals resample utterances (Bisani and Ney 2004, ICASSP 1:409).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval, Verdict
from bench.scoring.bootstrap import Floats, Ints, drawn, percentile_interval
from bench.scoring.distributions import check_probability
from bench.scoring.quality import ONE_SIDED, decided, paired_counts

RESAMPLES: Final = 2000
_CHUNK: Final = 64
# Ids as characters that are no white space, which jiwer would strip.
_FIRST_CHARACTER: Final = 0x10000


@dataclass(frozen=True)
class Transcript:
    """Edits and characters said of each utterance, (n,) int64 each.

    Raises ValueError for shapes that differ, negative numbers, or when nothing at all was said.
    """

    edits: Ints
    lengths: Ints

    def __post_init__(self) -> None:
        if self.edits.shape != self.lengths.shape or self.edits.ndim != 1:
            raise ValueError(f"edits have shape {self.edits.shape}, lengths {self.lengths.shape}: expected (n,) twice")
        if (self.edits < 0).any() or (self.lengths < 0).any():
            raise ValueError("edits and lengths are numbers of characters, and some are negative")
        if self.lengths.sum() == 0:
            raise ValueError("expected at least one character said")

    @property
    def accuracy(self) -> float:
        """1 - CER, no less than 0, which it would be with more edits than characters."""
        return max(0.0, 1.0 - float(self.edits.sum() / self.lengths.sum()))


def transcript(answered: npt.NDArray[np.integer[Any]], said: npt.NDArray[np.integer[Any]]) -> Transcript:
    """Compare texts (n, …), ids of characters from 0 on with negative numbers behind. Raises ValueError as Transcript.

    Nothing said and something answered counts an edit for each character answered.
    """
    if len(answered) != len(said):
        raise ValueError(f"{len(answered)} texts answered and {len(said)} said: expected the same utterances")
    lengths = (said >= 0).sum(axis=1).astype(np.int64)
    return Transcript(edits=_edits(_strings(answered), _strings(said)), lengths=lengths)


def _strings(texts: npt.NDArray[np.integer[Any]]) -> list[str]:
    return ["".join(chr(_FIRST_CHARACTER + int(number)) for number in row[row >= 0]) for row in texts]


def _edits(answered: list[str], said: list[str]) -> Ints:
    import jiwer

    if not said:
        return np.zeros(0, np.int64)
    aligned = jiwer.process_characters(said, answered).alignments
    return np.array([sum(_cost(chunk) for chunk in chunks) for chunks in aligned], np.int64)


def _cost(chunk: Any) -> int:  # jiwer's AlignmentChunk
    if chunk.type == "equal":
        return 0
    return int(max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx))


def resampled_accuracies(found: Transcript, resamples: int = RESAMPLES) -> Floats:
    """1 - CER in `resamples` sets of as many utterances drawn with replacement, (resamples,), always the same ones.

    Not cut off at 0; NaN where nothing was said in a set.
    """
    count = len(found.edits)
    rates = np.empty(resamples)
    for first in range(0, resamples, _CHUNK):
        times = np.stack([drawn(count, number) for number in range(first, min(first + _CHUNK, resamples))])
        with np.errstate(invalid="ignore", divide="ignore"):
            rates[first : first + len(times)] = 1.0 - (times @ found.edits) / (times @ found.lengths)
    rates[~np.isfinite(rates)] = np.nan
    return rates


def accuracy_interval(found: Transcript, confidence: float = 0.95) -> Interval:
    """Percentile bootstrap interval of `Transcript.accuracy` over utterances."""
    return _interval(np.maximum(resampled_accuracies(found), 0.0), confidence)


def _interval(values: Floats, confidence: float) -> Interval:
    return percentile_interval(values, confidence, "bootstrap-utterances")


def transcription_verdict(candidate: Transcript, reference: Transcript, target: float, share: float) -> Verdict:
    """Whether 1 - CER reaches `target` and the class's `share` of the reference's, on the same utterances.

    The paired difference is resampled over utterances with the same draws on both sides; its lower limit is one-sided
    95 %. The class is offered where there are as many utterances as `samples_needed` asks for of single answers: the
    worst case, in which all characters of an utterance fall together. `counts` are utterances without any edit.
    Raises ValueError when the utterances are not the same.
    """
    check_probability("share", share)
    if not np.array_equal(candidate.lengths, reference.lengths):
        raise ValueError("candidate and reference are not transcripts of the same utterances")
    rates = resampled_accuracies(candidate)
    return decided(
        (candidate.accuracy, _interval(np.maximum(rates, 0.0), 0.95)),
        reference.accuracy,
        _interval(rates - resampled_accuracies(reference), 2.0 * ONE_SIDED - 1.0),
        paired_counts(candidate.edits == 0, reference.edits == 0),
        target=target,
        share=share,
        samples=len(candidate.lengths),
    )
