"""One-to-one verification (face against ID): the answer is an embedding, two are compared by their cosine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bench.tasks.base import Outputs, Task

# The gate of the sectors: false reject rate at most 5 % where one impostor in a thousand is accepted.
FALSE_ACCEPT_RATE = 1e-3


def cosines(outputs: Outputs, probes: NDArray[np.int64], references: NDArray[np.int64]) -> NDArray[np.float64]:
    """Cosine of every probe with every reference, (len(probes), len(references)), in float64.

    Both are positions in the first output, (n, …) flattened to (n, dimensions). An embedding that has no direction, its
    length being zero or not finite, resembles nothing: its cosines are -1, so that nobody is accepted by it.
    """
    embeddings = next(iter(outputs.values()))
    flat = embeddings.reshape(len(embeddings), -1).astype(np.float64)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    lawful = np.isfinite(lengths) & (lengths > 0)
    unit = np.divide(flat, lengths, out=np.zeros_like(flat), where=lawful)
    result: NDArray[np.float64] = unit[probes] @ unit[references].T
    result[~lawful[probes, 0], :] = -1.0
    result[:, ~lawful[references, 0]] = -1.0
    return result


VERIFY = Task(name="verify", metric="tar_at_far_1e-3")
