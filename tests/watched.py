"""Two tiny workloads of another distribution: one with a network of its own, one that puts it on cameras."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bench.models.graph import graph_statistics, model_hash

LENDER, WATCHER = "tiny_scene", "tiny_cameras"
HEIGHT, WIDTH, CLIPS, FRAMES, KEY_EVERY = 48, 64, 3, 12, 6

_DATA = """
import numpy as np
EVALUATION_SIZE = 40
COLOURS = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200]])
def _scene(stream, index):
    rng = np.random.default_rng([stream, index])
    label = int(rng.integers(3))
    picture = rng.integers(0, 120, (3, 1, 1)) + rng.integers(0, 60, (3, 6, 8)).repeat(4, 1).repeat(4, 2)
    return np.clip(picture + COLOURS[label][:, None, None] // 3, 0, 255).astype(np.uint8), label
def _inputs(stream, indices):
    return {"image": np.stack([_scene(stream, int(index))[0] for index in indices])}
def evaluation_inputs(indices):
    return _inputs(1, indices)
def evaluation_labels(indices):
    return np.array([_scene(1, int(index))[1] for index in indices], np.int64)
def load_inputs(count, seed):
    return _inputs(seed + 2, np.arange(count))
"""
_FOOTAGE = f"""
import numpy as np
def film(number, frames):
    rng = np.random.default_rng(number)
    ground = rng.integers(0, 256, ({HEIGHT // 8}, {WIDTH // 8}, 3)).repeat(8, 0).repeat(8, 1)
    for step in range(frames):
        picture = ground + rng.integers(-9, 10, ground.shape)
        picture[8:24, 4 * step : 4 * step + 12] = 255 - 40 * number
        yield np.clip(picture, 0, 255).astype(np.uint8)
"""
_LENDER = """
name = "tiny_scene"
version = 1
task = "classify"
title = {{ en = "Tiny scene", zh = "小场景" }}
[model]
graph = "graph.onnx"
weights = ""
model_hash = "{hash}"
network = "one product"
opset = 17
parameters = {parameters}
macs_per_sample = {macs}
[[inputs]]
name = "image"
dtype = "uint8"
shape = [3, 24, 32]
[[outputs]]
name = "scores"
dtype = "float32"
shape = [3]
[load]
samples = 16
[scenarios.single_stream]
[quality]
metric = "top1"
evaluation_samples = 40
quick_samples = 20
[origin]
data = "made up"
weights = "made up"
"""
_WATCHER = f"""
name = "tiny_cameras"
version = 1
title = {{ en = "Tiny cameras", zh = "小摄像机" }}
network_of = "tiny_scene"
[load]
samples = 8
[scenarios.streams]
latency_bound_ms = 500
[video]
clips = {CLIPS}
frames = {FRAMES}
height = {HEIGHT}
width = {WIDTH}
frames_per_s = 25
key_every = {KEY_EVERY}
bits_per_s = 300_000
[origin]
data = "made up"
weights = "borrowed"
"""


def write_workloads(folder: Path) -> Path:
    """Both packages, and the metadata that makes them known to whoever has `folder` on its path."""
    lender, watcher, known = folder / LENDER, folder / WATCHER, folder / "tiny-1.0.dist-info"
    for package in (lender, watcher, known):
        package.mkdir(parents=True)
    for package in (lender, watcher):
        (package / "__init__.py").write_text("")
    _write_graph(lender / "graph.onnx")
    counted = graph_statistics(lender / "graph.onnx")
    (lender / "workload.toml").write_text(
        _LENDER.format(
            hash=model_hash(lender / "graph.onnx"), parameters=counted.parameters, macs=counted.macs_per_sample
        )
    )
    (lender / "data.py").write_text(_DATA)
    (watcher / "workload.toml").write_text(_WATCHER)
    (watcher / "footage.py").write_text(_FOOTAGE)
    (known / "METADATA").write_text("Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
    names = "".join(f"{name} = {name}\n" for name in (LENDER, WATCHER))
    (known / "entry_points.txt").write_text(f"[bench.workloads]\n{names}")
    return folder


@contextmanager
def known(folder: Path) -> Iterator[None]:
    """The workloads in `folder` can be imported and are listed; forgotten afterwards."""
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.split(".")[0] in (LENDER, WATCHER)]:
            del sys.modules[name]


def _write_graph(path: Path) -> None:
    """Scores of three classes: how much of each colour there is, and a little of where it is."""
    weights = np.random.default_rng(5).normal(0, 1e-3, (3 * 24 * 32, 3)).astype(np.float32)
    for colour in range(3):
        weights[colour * 24 * 32 : (colour + 1) * 24 * 32, colour] += 0.01
    nodes = [
        helper.make_node("Cast", ["image"], ["levels"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["levels"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["scores"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 3, 24, 32])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(weights, "weights")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
