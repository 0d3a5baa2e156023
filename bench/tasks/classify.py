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


CLASSIFY = Task(name="classify", metric="top1")
COMMAND = Task(name="command", metric="accuracy")
