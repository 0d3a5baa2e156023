"""A system under test that does nothing: what remains is the harness's own cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from bench.backends.base import Model, Options, Session, Tensor
from bench.backends.fake import BACKEND
from bench.loadgen.lane import AllDue, Closed, Lane, Scheduled
from bench.loadgen.outputs import OutputRing
from bench.loadgen.samples import LoadedSet

INPUT, OUTPUT = Tensor(name="x", dtype="float32", shape=(4,)), Tensor(name="y", dtype="float32", shape=(4,))


def fake_session(batch: int) -> Session:
    model = Model(path=Path("none.onnx"), inputs=(INPUT,), outputs=(OUTPUT,))
    options = Options(precision="fp32", max_batch=batch, workers=1, threads=1, settings={"answers": "zeros"})
    return BACKEND.compile(model, BACKEND.devices()[0], options).open(0)


def lane(batch: int, issue: Closed | AllDue | Scheduled) -> Lane:
    samples = LoadedSet({"x": np.zeros((1024, 4), np.float32)}, batch, seed=1)
    return Lane(issue=issue, samples=samples, sessions=(fake_session(batch),), rings=(OutputRing([OUTPUT], batch),))
