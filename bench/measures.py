"""How good answers are, per task: value with interval, verdict against reference answers, share of same answers.

A measure joins what an answer means (`bench.tasks`) with the statistics of its metric (`bench.scoring`).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bench.records.numbers import Interval, Refusal, RocPoint, Verdict
from bench.scoring.detection import (
    detection_verdict,
    mean_average_precision,
    precision_interval,
    same_detections,
)
from bench.scoring.matching import match
from bench.scoring.numeric import agreement
from bench.scoring.quality import quality_verdict, wilson
from bench.scoring.transcription import Transcript, accuracy_interval, transcript, transcription_verdict
from bench.scoring.verification import (
    LEAST_ERRORS,
    Pairs,
    accepted_genuine,
    rate_interval,
    receiver_curve,
    true_accept_rate,
    verification_verdict,
)
from bench.scoring.words import Lexicon, in_words
from bench.tasks.base import Outputs
from bench.tasks.classify import CLASSIFY, COMMAND, in_top, top_class
from bench.tasks.detect import DETECT, DETECTIONS
from bench.tasks.recognise import RECOGNISE, TEXT
from bench.tasks.verify import FALSE_ACCEPT_RATE, VERIFY, cosines

Labels = NDArray[np.generic]
Value = tuple[float, Interval]
# Five of eight classes is nothing to tell.
_TELLING = 4
# Where a curve is told: what sectors ask for lies at 1e-4 and 1e-3.
_CURVE_FARS = (1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2)


class Measure(Protocol):
    """Quality of answers (n, …) by their labels, leading axis n; higher is better, a share from 0 to 1.

    Answers are raw outputs, or what the task condenses them to. `stored` are the reference's to the same samples. The
    raw outputs behind all of them are finite.
    """

    def value(self, outputs: Outputs, labels: Labels) -> Value | Refusal:
        """The metric with its interval; refused where the samples cannot carry it."""

    def verdict(
        self, outputs: Outputs, stored: Outputs, labels: Labels, target: float, share: float
    ) -> Verdict | Refusal:
        """Whether the absolute target and the class's `share` of the reference are reached."""

    def agreement(self, outputs: Outputs, stored: Outputs, labels: Labels | None) -> float:
        """Share of the answers that are the reference's; without labels where a task's answers need none."""


@runtime_checkable
class TellsMore(Protocol):
    """What a measure may have besides: figures that are usual beside its metric, and judged by nobody."""

    def also(self, outputs: Outputs, labels: Labels, words: Lexicon = ()) -> dict[str, Value]:
        """Each by its id, in the order in which they are shown; what the samples cannot carry is left out.

        `words` are what a task of texts may cut them into, each by the ids of its characters.
        """


@runtime_checkable
class TellsCurve(Protocol):
    """What a measure of verification has besides: the curve that its metric is one point of."""

    def curve(self, outputs: Outputs, labels: Labels) -> tuple[RocPoint, ...]:
        """As far as the samples carry it; nothing is judged by it."""


class RightOrWrong:
    """Classification: labels (n,) are classes, and an answer is right or wrong; of `most` named first if asked."""

    def __init__(self, most: int | None = None) -> None:
        self._most = most

    def also(self, outputs: Outputs, labels: Labels, words: Lexicon = ()) -> dict[str, Value]:
        classes = int(np.prod(next(iter(outputs.values())).shape[1:]))
        if self._most is None or classes < _TELLING * self._most:
            return {}
        found = in_top(outputs, labels, self._most)
        return {f"top{self._most}": (float(found.mean()), wilson(int(found.sum()), len(found)))}

    def value(self, outputs: Outputs, labels: Labels) -> Value | Refusal:
        correct = top_class(outputs) == labels
        return float(correct.mean()), wilson(int(correct.sum()), len(correct))

    def verdict(
        self, outputs: Outputs, stored: Outputs, labels: Labels, target: float, share: float
    ) -> Verdict | Refusal:
        return quality_verdict(top_class(outputs) == labels, top_class(stored) == labels, target, share)

    def agreement(self, outputs: Outputs, stored: Outputs, labels: Labels | None) -> float:
        first = next(iter(stored))
        ours, theirs = (array.reshape(len(array), -1) for array in (outputs[first], stored[first]))
        return agreement(ours, theirs)


class Verification:
    """One-to-one verification: labels (n, 2) are identity and side; side 1 is held against side 0 of everybody.

    The answer to a genuine pair is whether it is accepted, at the threshold that the outputs' own impostors set.
    """

    def __init__(self, far: float) -> None:
        self._far = far

    def value(self, outputs: Outputs, labels: Labels) -> Value | Refusal:
        pairs = pairs_of(outputs, labels, self._far)
        if isinstance(pairs, Refusal):
            return pairs
        return true_accept_rate(pairs, self._far), rate_interval(pairs, self._far)

    def curve(self, outputs: Outputs, labels: Labels) -> tuple[RocPoint, ...]:
        pairs = pairs_of(outputs, labels, self._far)
        return () if isinstance(pairs, Refusal) else receiver_curve(pairs, _CURVE_FARS)

    def verdict(
        self, outputs: Outputs, stored: Outputs, labels: Labels, target: float, share: float
    ) -> Verdict | Refusal:
        pairs, reference = pairs_of(outputs, labels, self._far), pairs_of(stored, labels, self._far)
        if isinstance(pairs, Refusal):
            return pairs
        if isinstance(reference, Refusal):
            return reference
        return verification_verdict(pairs, reference, self._far, target, share)

    def agreement(self, outputs: Outputs, stored: Outputs, labels: Labels | None) -> float:
        assert labels is not None  # who is who
        pairs, reference = pairs_of(outputs, labels, self._far), pairs_of(stored, labels, self._far)
        if isinstance(pairs, Refusal) or isinstance(reference, Refusal):
            return 0.0
        return float(np.mean(accepted_genuine(pairs, self._far) == accepted_genuine(reference, self._far)))


def pairs_of(outputs: Outputs, labels: Labels, far: float) -> Pairs | Refusal:
    """All pairs of the two sides; refused where they cannot carry the rate (the rule of 30)."""
    references, probes = (np.flatnonzero(labels[:, 1] == side) for side in (0, 1))
    identities = labels[:, 0].astype(np.int64)
    known = np.isin(identities[probes], identities[references])
    possible = len(probes) * len(references)
    if not known.any() or possible * far < LEAST_ERRORS:
        return Refusal(code="too-few-impostors", seen=float(possible), limit=LEAST_ERRORS / far)
    pairs = Pairs(
        scores=cosines(outputs, probes, references), probes=identities[probes], references=identities[references]
    )
    if not pairs.supports(far):
        return Refusal(code="too-few-impostors", seen=float(pairs.impostors), limit=LEAST_ERRORS / far)
    return pairs


class Transcription:
    """Speech recognition: labels (n, most) are ids of the characters said, -1 behind them.

    Agreement is the share of the reference's characters that are answered too, for a character is what the metric
    counts.
    """

    def also(self, outputs: Outputs, labels: Labels, words: Lexicon = ()) -> dict[str, Value]:
        found = transcript_of(outputs, labels)
        if isinstance(found, Refusal):
            return {}
        right = found.edits == 0
        told: dict[str, Value] = {}
        if words:
            by_words = transcript(
                in_words(outputs[TEXT].astype(np.int64), words), in_words(labels.astype(np.int64), words)
            )
            told["word_accuracy"] = by_words.accuracy, accuracy_interval(by_words)
        return {**told, "utterances_right": (float(right.mean()), wilson(int(right.sum()), len(right)))}

    def value(self, outputs: Outputs, labels: Labels) -> Value | Refusal:
        found = transcript_of(outputs, labels)
        return found if isinstance(found, Refusal) else (found.accuracy, accuracy_interval(found))

    def verdict(
        self, outputs: Outputs, stored: Outputs, labels: Labels, target: float, share: float
    ) -> Verdict | Refusal:
        found, reference = transcript_of(outputs, labels), transcript_of(stored, labels)
        if isinstance(found, Refusal):
            return found
        if isinstance(reference, Refusal):
            return reference
        return transcription_verdict(found, reference, target, share)

    def agreement(self, outputs: Outputs, stored: Outputs, labels: Labels | None) -> float:
        found = transcript_of(outputs, stored[TEXT])
        if isinstance(found, Refusal):  # the reference says nothing at all
            return float((outputs[TEXT].astype(np.int64) < 0).all())
        return found.accuracy


def transcript_of(answers: Outputs, said: Labels) -> Transcript | Refusal:
    """Edits of each text answered; refused where nothing was said at all."""
    texts = said.astype(np.int64)
    if not (texts >= 0).any():
        return Refusal(code="nothing-said", seen=0.0, limit=1.0)
    return transcript(answers[TEXT].astype(np.int64), texts)


class Detection:
    """Detection: labels (n, objects, 7) are class, x1, y1, x2, y2, area, crowd, unused rows -1; mAP@[.5:.95]."""

    def value(self, outputs: Outputs, labels: Labels) -> Value | Refusal:
        matches = match(outputs[DETECTIONS], labels)
        if not matches.objects.any():
            return Refusal(code="nothing-to-find", seen=0.0, limit=1.0)
        return mean_average_precision(matches), precision_interval(matches)

    def verdict(
        self, outputs: Outputs, stored: Outputs, labels: Labels, target: float, share: float
    ) -> Verdict | Refusal:
        matches = match(outputs[DETECTIONS], labels)
        if not matches.objects.any():
            return Refusal(code="nothing-to-find", seen=0.0, limit=1.0)
        return detection_verdict(matches, match(stored[DETECTIONS], labels), target, share)

    def agreement(self, outputs: Outputs, stored: Outputs, labels: Labels | None) -> float:
        return same_detections(outputs[DETECTIONS], stored[DETECTIONS])


MEASURES: dict[str, Measure] = {
    CLASSIFY.name: RightOrWrong(most=5),
    COMMAND.name: RightOrWrong(),
    VERIFY.name: Verification(FALSE_ACCEPT_RATE),
    RECOGNISE.name: Transcription(),
    DETECT.name: Detection(),
}
