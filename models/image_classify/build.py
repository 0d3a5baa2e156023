"""Turns a training checkpoint into what ships: `python -m bench.models.image_classify.build --help`.

Writes graph.onnx, weights.safetensors, workload.toml and the reference answers; it never trains.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from torch import nn

from bench.models.export import export_graph, fold_batch_norms, round_to_half
from bench.models.graph import graph_statistics, model_hash
from bench.models.image_classify.data import CLASS_NAMES, EVALUATION_SIZE, evaluation_inputs, evaluation_labels
from bench.models.image_classify.network import ResNet50, recalibrate, shipped
from bench.models.image_classify.pictures import TRAINING_SIZE, default_cache, training_set
from bench.scoring.quality import wilson

FOLDER = Path(__file__).resolve().parent
REFERENCE = FOLDER.parent.parent / "results" / "reference" / FOLDER.name
_HASHED_PICTURES = 64
_CHUNK = 16


def folded(checkpoint: Path, cache: Path, pictures: int, count: int) -> nn.Module:
    """Return the trained network in float32 with batch norms measured on whole pictures and folded."""
    network = ResNet50(len(CLASS_NAMES))
    network.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["network"])
    images, _ = training_set(cache, pictures, 2)
    recalibrate(network, images[:count])
    return fold_batch_norms(network)


def export(module: nn.Module) -> None:
    """Write graph.onnx and weights.safetensors from the folded network."""
    example = {"image": torch.zeros((1, 3, 224, 224), dtype=torch.uint8)}
    export_graph(round_to_half(module), example, ["logits"], FOLDER)


@torch.no_grad()
def reference_logits(cache: Path) -> NDArray[np.float32]:
    """Return logits (EVALUATION_SIZE, classes) of the shipped weights in float64; goes on where it was cut off."""
    network = shipped(FOLDER, len(CLASS_NAMES)).double()
    identity = model_hash(FOLDER / "graph.onnx").split(":")[1][:16]
    path = cache / f"reference-{identity}.npy"
    if not path.exists():
        empty = np.lib.format.open_memmap(path, "w+", np.float32, (EVALUATION_SIZE, len(CLASS_NAMES)))
        empty[:] = np.nan
        empty.flush()
    logits = np.lib.format.open_memmap(path, "r+")
    for first in range(0, EVALUATION_SIZE, _CHUNK):
        indices = np.arange(first, min(first + _CHUNK, EVALUATION_SIZE))
        if np.isnan(logits[indices]).any():
            images = torch.from_numpy(evaluation_inputs(indices)["image"])
            logits[indices] = network(images).numpy()
    logits.flush()
    return np.array(logits)


def write_reference(logits: NDArray[np.float32]) -> float:
    """Write the reference answers and their metric; return top-1."""
    right = int((logits.argmax(1) == evaluation_labels(np.arange(EVALUATION_SIZE))).sum())
    interval = wilson(right, EVALUATION_SIZE)
    hashed = evaluation_inputs(np.arange(_HASHED_PICTURES))["image"].tobytes()
    kept = {
        "metric": "top1",
        "value": right / EVALUATION_SIZE,
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "samples": EVALUATION_SIZE,
        "evaluation_sha256": hashlib.sha256(hashed).hexdigest(),
        "computed_with": {"torch": torch.__version__, "numpy": np.__version__, "arithmetic": "float64"},
    }
    REFERENCE.mkdir(parents=True, exist_ok=True)
    save_file({"logits": logits}, REFERENCE / "outputs.safetensors")
    (REFERENCE / "reference.json").write_text(json.dumps(kept, indent=2) + "\n")
    return right / EVALUATION_SIZE


_WORKLOAD = """\
name = "image_classify"
version = 1
task = "classify"
title = {{ en = "Image recognition", zh = "图像识别" }}

# Written by build.py; hash and counts are computed from the graph.
[model]
graph = "graph.onnx"
weights = "weights.safetensors"
model_hash = "{hash}"
network = "ResNet-50 v1.5"
opset = 17
parameters = {parameters}
macs_per_sample = {macs}

[[inputs]]
name = "image"
dtype = "uint8"
shape = [3, 224, 224]

[[outputs]]
name = "logits"
dtype = "float32"
shape = [{classes}]

[load]
samples = 64

[scenarios.single_stream]

[scenarios.multi_stream]
samples_per_query = 8

[scenarios.offline]
batch = 8

[scenarios.server]
latency_bound_ms = 15

[quality]
metric = "top1"
# 99 % of the reference ({top1:.4f}), rounded down.
target = {target}
evaluation_samples = {samples}
quick_samples = 192

[origin]
data = "48 classes of surfaces rendered by models/image_classify/data.py; synthetic, Apache-2.0; also the weights"
weights = "trained from random weights by models/image_classify/train.py ({date}); see card.md"
"""


def write_workload(top1: float) -> None:
    """Write workload.toml."""
    statistics = graph_statistics(FOLDER / "graph.onnx")
    text = _WORKLOAD.format(
        hash=model_hash(FOLDER / "graph.onnx"),
        parameters=statistics.parameters,
        macs=statistics.macs_per_sample,
        classes=len(CLASS_NAMES),
        top1=top1,
        target=math.floor(top1 * 990) / 1000,
        samples=EVALUATION_SIZE,
        date=datetime.now(UTC).date().isoformat(),
    )
    (FOLDER / "workload.toml").write_text(text, encoding="utf-8")


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache-dir", type=Path, default=default_cache())
    parser.add_argument("--checkpoint", type=Path, help="default: checkpoint.pt in the cache")
    parser.add_argument("--pictures", type=int, default=TRAINING_SIZE, help="size of the rendered training set")
    parser.add_argument("--recalibrate", type=int, default=480, help="whole pictures that batch norms are measured on")
    parser.add_argument("--reference-only", action="store_true", help="keep graph and weights; redo the reference")
    given = parser.parse_args()
    if not given.reference_only:
        checkpoint = given.checkpoint or given.cache_dir / "checkpoint.pt"
        export(folded(checkpoint, given.cache_dir, given.pictures, given.recalibrate))
    write_workload(write_reference(reference_logits(given.cache_dir)))


if __name__ == "__main__":
    main()
