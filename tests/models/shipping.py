"""What the tests of several shipped networks share: their answers in onnxruntime, and what identifies pictures."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray


def onnxruntime_answers(graph: Path, output: str, images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The float32 output (n, …) of the network at `graph` for its input `image` (n, 3, h, w), sixteen at a time."""
    ort = pytest.importorskip("onnxruntime")
    session = ort.InferenceSession(str(graph), providers=["CPUExecutionProvider"])
    parts = [session.run([output], {"image": images[first : first + 16]})[0] for first in range(0, len(images), 16)]
    return np.concatenate(parts)


def digest(images: NDArray[np.uint8]) -> str:
    """SHA-256 of the bytes of pictures."""
    return hashlib.sha256(images.tobytes()).hexdigest()
