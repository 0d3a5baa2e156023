"""Speech recognition: the answer is the text on the best path through the frames (greedy CTC, Graves et al. 2006)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.tasks.base import NamedArrays, Outputs, Task
from bench.tasks.ragged import FILLER

BLANK = 0
TEXT = "text"


def best_path(outputs: Outputs) -> NamedArrays:
    """{"text": int32 (n, frames)} from the first output (n, frames, classes): ids of characters, then -1.

    Of each frame the likeliest class; a run of one class counts once, and blanks only part runs. A frame that holds NaN
    says nothing, as does one of zeros: the network answers these behind a sample's own end.
    """
    scores = next(iter(outputs.values()))
    count, frames = scores.shape[:2]
    best = scores.argmax(axis=2)
    # What is largest beside NaN is NaN itself.
    best[np.isnan(np.take_along_axis(scores, best[:, :, None], axis=2)[:, :, 0])] = BLANK
    begins = best != BLANK
    begins[:, 1:] &= best[:, 1:] != best[:, :-1]
    text: NDArray[np.int32] = np.full((count, frames), FILLER, np.int32)
    rows, places = np.nonzero(begins)
    text[rows, np.cumsum(begins, axis=1)[rows, places] - 1] = best[rows, places]
    return {TEXT: text}


RECOGNISE = Task(name="recognise", metric="character_accuracy", single_answers=False, condense=best_path)
