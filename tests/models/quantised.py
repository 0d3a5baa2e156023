"""Which networks of the suite have an int8 file, and running a file as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.models.suite import SuiteWorkload, load_workload

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
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.x64quantprecision", "1")  # 8-bit sums are exact then, on any processor
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    found: NDArray[np.float32] = session.run(None, inputs)[0]
    return found
