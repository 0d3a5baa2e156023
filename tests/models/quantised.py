"""Which networks of the suite have an int8 file, and running a file as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.models.suite import SuiteWorkload, load_workload

from ..backends.seam import exact_session

QUANTISED = (
    "face_verify",
    "image_classify",
    "image_classify_edge",
    "object_detect",
    "speech_command",
    "speech_recognize",
)


def suite(name: str) -> SuiteWorkload:
    workload = load_workload(name)
    assert isinstance(workload, SuiteWorkload)
    return workload


def run(path: Path, inputs: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = exact_session(path).run(None, inputs)[0]
    return found
