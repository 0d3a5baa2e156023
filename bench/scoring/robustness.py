"""What corruption costs: the paired loss against clean samples, and whether it is larger than the reference's.

Answers come as right or wrong per sample.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from bench.records.numbers import Interval
from bench.scoring.distributions import few_over
from bench.scoring.quality import paired_counts, paired_interval

Bools = npt.NDArray[np.bool_]


def loss(clean: Bools, stressed: Bools) -> tuple[float, Interval]:
    """Share right on clean samples less the share right on the same ones corrupted, with Newcombe's paired interval.

    Both are (n,) bool. Raises ValueError when empty, not bool, or of different shapes.
    """
    counts = paired_counts(stressed, clean)
    gain = paired_interval(counts)
    # 0.0 - x, as -x of zero would be printed as -0.
    mirrored = Interval(low=0.0 - gain.high, high=0.0 - gain.low, confidence=gain.confidence, kind=gain.kind)
    return (counts.lost - counts.gained) / counts.total, mirrored


def larger_loss_p(clean: Bools, stressed: Bools, reference_clean: Bools, reference_stressed: Bools) -> float:
    """One-sided p of the exact sign test that the candidate loses no more samples than the reference; all (n,) bool.

    A sample counts for one side where only that side loses it, or the other even gains it. Were candidate and reference
    alike under stress, either would be as likely. Raises ValueError when empty, not bool, or of different shapes.
    """
    for other in (stressed, reference_clean, reference_stressed):
        paired_counts(clean, other)
    own = clean.astype(np.int8) - stressed.astype(np.int8)
    theirs = reference_clean.astype(np.int8) - reference_stressed.astype(np.int8)
    more, fewer = int(np.count_nonzero(own > theirs)), int(np.count_nonzero(own < theirs))
    return few_over(fewer, more + fewer, 0.5) if more else 1.0
