"""What every task offers to quality checks, whatever the engine. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

Outputs = Mapping[str, NDArray[np.generic]]
NamedArrays = dict[str, NDArray[np.generic]]

# Relative error allowed per executed precision against a double-precision reference (measurement.md section 4,
# start values).
ERROR_CLASS: dict[str, float] = {"fp32": 1e-5, "tf32": 2e-3, "fp16": 2e-3, "bf16": 2e-2, "int8": float("inf")}


# Where answers are condensed, raw outputs are kept of so many samples, the first of the evaluation set.
RAW_SAMPLES = 3


def joined(parts: Sequence[Mapping[str, NDArray[np.generic]]]) -> NamedArrays:
    """Arrays of the same names, one behind the other along the leading axis; `parts` is not empty."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task by name and the metric that its workloads are judged by.

    `single_answers`: the answer to each sample is right or wrong by itself. `condense`: from raw outputs (n, …), in the
    model's order, that are too large to be kept for every sample to the answers they hold, (n, most, …) each, filled up
    with -1 behind what was found; it takes whatever an engine leaves, NaN included. None: raw outputs are the answers.
    """

    name: str
    metric: str
    single_answers: bool = True
    condense: Callable[[Outputs], NamedArrays] | None = None
