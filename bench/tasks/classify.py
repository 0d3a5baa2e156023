"""Classification: the answer is the class of the largest output; pictures and commands differ only in their metric."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.tasks.base import Outputs, Task


def top_class(outputs: Outputs) -> NDArray[np.int64]:
    """Index of the largest value per sample of the first output, (n, …) flattened to (n, classes).

    A row that holds NaN answers -1, which is never a label, so that NaN cannot count as correct.
    """
    scores = next(iter(outputs.values()))
    flat = scores.reshape(len(scores), -1)
    answers: NDArray[np.int64] = np.argmax(flat, axis=1).astype(np.int64)
    if np.issubdtype(flat.dtype, np.floating):
        answers[np.isnan(flat.astype(np.float64)).any(axis=1)] = -1
    return answers


def in_top(outputs: Outputs, labels: NDArray[np.generic], most: int) -> NDArray[np.bool_]:
    """Whether the label is among the `most` largest of its row, (n,); of equal scores the label's counts as larger.

    A row that holds NaN has no largest.
    """
    scores = next(iter(outputs.values()))
    flat = scores.reshape(len(scores), -1).astype(np.float64)
    own = flat[np.arange(len(flat)), labels.astype(np.int64)]
    above = (flat > own[:, None]).sum(axis=1)
    found: NDArray[np.bool_] = (above < most) & ~np.isnan(flat).any(axis=1)
    return found


CLASSIFY = Task(name="classify", metric="top1")
COMMAND = Task(name="command", metric="accuracy")
