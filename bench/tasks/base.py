"""What every task offers to quality checks, whatever the engine. Pure numpy."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

Outputs = Mapping[str, NDArray[np.generic]]

# Relative error allowed per executed precision against a double-precision reference (measurement.md section 4,
# start values).
ERROR_CLASS: dict[str, float] = {"fp32": 1e-5, "tf32": 2e-3, "fp16": 2e-3, "bf16": 2e-2, "int8": float("inf")}


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A task by name and the metric that its workloads are judged by."""

    name: str
    metric: str
