"""What corrupted samples cost, per task: quality under a condition, and the loss against the clean samples, paired.

As `bench.measures` joins answers and statistics for one set of answers, this does for two sets to the same samples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.measures import Labels, Value, pairs_of, transcript_of
from bench.records.numbers import IntervalKind, Refusal
from bench.scoring.bootstrap import percentile_interval
from bench.scoring.detection import mean_average_precision, resampled_precision
from bench.scoring.matching import match
from bench.scoring.quality import wilson
from bench.scoring.robustness import loss
from bench.scoring.transcription import resampled_accuracies
from bench.scoring.verification import resampled_rates, true_accept_rate
from bench.tasks.base import NamedArrays, Outputs
from bench.tasks.classify import CLASSIFY, COMMAND, top_class
from bench.tasks.detect import DETECT, DETECTIONS
from bench.tasks.recognise import RECOGNISE
from bench.tasks.verify import FALSE_ACCEPT_RATE, VERIFY

_CONFIDENCE: Final = 0.95
# A dozen conditions are resampled, and detections take seconds each by the thousand.
_RESAMPLES: Final = 500


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """Quality of the corrupted samples with its interval, and clean less corrupted with the paired interval."""

    value: Value
    loss: Value


class Resampled(msgspec.Struct, frozen=True, kw_only=True):
    """A metric, and its values in resamples of the set, which are the same draws for all answers to one set."""

    value: float
    values: NDArray[np.float64]


Costs = Callable[[Outputs], Cost]
Resample = Callable[[Outputs, Labels], Resampled | Refusal]
Seen = Callable[[Outputs, Outputs, Labels], Outputs]


def right_or_wrong(clean: Outputs, labels: Labels) -> Costs:
    """Single answers: Wilson's interval, and Newcombe's of the paired difference."""
    before = top_class(clean) == labels

    def cost(stressed: Outputs) -> Cost:
        right = top_class(stressed) == labels
        return Cost(value=(float(right.mean()), wilson(int(right.sum()), len(right))), loss=loss(before, right))

    return cost


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """Answers that are not right or wrong by themselves: percentile intervals over the same draws on both sides.

    `seen` makes of clean and corrupted answers what a system would hold where only what it sees is corrupted.
    """

    resample: Resample
    kind: IntervalKind
    seen: Seen

    def __call__(self, clean: Outputs, labels: Labels) -> Costs | Refusal:
        """Refused where the samples cannot carry the metric."""
        before = self.resample(clean, labels)
        if isinstance(before, Refusal):
            return before
        base = before

        def cost(stressed: Outputs) -> Cost:
            after = self.resample(self.seen(clean, stressed, labels), labels)
            assert isinstance(after, Resampled)  # of the same samples
            lost = percentile_interval(base.values - after.values, _CONFIDENCE, self.kind)
            interval = percentile_interval(after.values, _CONFIDENCE, self.kind)
            return Cost(value=(after.value, interval), loss=(base.value - after.value, lost))

        return cost


def _verified(outputs: Outputs, labels: Labels) -> Resampled | Refusal:
    pairs = pairs_of(outputs, labels, FALSE_ACCEPT_RATE)
    if isinstance(pairs, Refusal):
        return pairs
    values = resampled_rates(pairs, FALSE_ACCEPT_RATE, _RESAMPLES)
    return Resampled(value=true_accept_rate(pairs, FALSE_ACCEPT_RATE), values=values)


def _recognised(outputs: Outputs, labels: Labels) -> Resampled | Refusal:
    found = transcript_of(outputs, labels)
    if isinstance(found, Refusal):
        return found
    return Resampled(value=found.accuracy, values=np.maximum(resampled_accuracies(found, _RESAMPLES), 0.0))


def _detected(outputs: Outputs, labels: Labels) -> Resampled | Refusal:
    matches = match(outputs[DETECTIONS], labels)
    if not matches.objects.any():
        return Refusal(code="nothing-to-find", seen=0.0, limit=1.0)
    return Resampled(value=mean_average_precision(matches), values=resampled_precision(matches, _RESAMPLES))


def _all(clean: Outputs, stressed: Outputs, labels: Labels) -> Outputs:
    return stressed


def _probes(clean: Outputs, stressed: Outputs, labels: Labels) -> NamedArrays:
    """The camera is what is spoilt: documents keep their clean embeddings, live pictures (side 1) have the other."""
    live = labels[:, 1] == 1
    return {
        name: np.where(live.reshape(-1, *(1,) * (array.ndim - 1)), stressed[name], array)
        for name, array in clean.items()
    }


COSTS: Final[Mapping[str, Callable[[Outputs, Labels], Costs | Refusal]]] = MappingProxyType(
    {
        CLASSIFY.name: right_or_wrong,
        COMMAND.name: right_or_wrong,
        VERIFY.name: Bootstrapped(_verified, "bootstrap-identities", _probes),
        RECOGNISE.name: Bootstrapped(_recognised, "bootstrap-utterances", _all),
        DETECT.name: Bootstrapped(_detected, "bootstrap-samples", _all),
    }
)
