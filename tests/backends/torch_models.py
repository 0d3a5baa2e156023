"""Tensors, samples and models of networks that a test of the torch backend makes itself; torch is not imported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.backends.base import Model, Tensor

A, B, Y, Z = (Tensor(name=name, dtype="float32", shape=(3,)) for name in ("a", "b", "y", "z"))
ROWS = {name: np.random.default_rng(1).standard_normal((6, 3), np.float32) for name in "ab"}


def made(name: str, outputs: Sequence[Tensor] = (Y,), inputs: Sequence[Tensor] = (A,)) -> Model:
    return Model(path=Path("made.onnx"), inputs=tuple(inputs), outputs=tuple(outputs), network=name)
