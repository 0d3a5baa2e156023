"""The queue that an open loop is, as a recursion that shares no code with the driver."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import NDArray


def kiefer_wolfowitz(
    due: NDArray[np.float64] | NDArray[np.int64], service: NDArray[np.float64] | NDArray[np.int64], servers: int
) -> NDArray[np.float64]:
    """When each query starts, (n,): first come, first served; when it is due, or when the first server falls free."""
    free, starts = [0.0] * servers, []
    for at, lasts in zip(due.tolist(), service.tolist(), strict=True):
        begun = max(at, heapq.heappop(free))
        starts.append(begun)
        heapq.heappush(free, begun + lasts)
    return np.array(starts)
