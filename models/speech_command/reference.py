"""The reference answers: float64 logits of the shipped weights on the evaluation set, and their accuracy.

Needs torch; the running suite reads only the files that `release.py` writes from here.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from bench.models.speech_command import data
from bench.models.speech_command.network import CommandNet, load_shipped
from bench.scoring.quality import wilson

FOLDER = Path(__file__).parent
GRAPH = FOLDER / "graph.onnx"
REFERENCE_FOLDER = FOLDER.resolve().parents[1] / "results" / "reference" / "speech_command"
HASHED_SAMPLES = 64
_BATCH = 64


def compute_logits(network: CommandNet, waves: NDArray[np.int16]) -> NDArray[np.float64]:
    """Run int16 (n, 16000) through `network` in its own element type; return float64 (n, classes)."""
    parts = np.array_split(waves, max(1, len(waves) // _BATCH))
    with torch.no_grad():
        return np.concatenate([network(torch.from_numpy(part)).double().numpy() for part in parts])


def accuracy(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Share of samples whose highest logit is the label's."""
    return float(np.mean(logits.argmax(axis=1) == labels))


def evaluation_digest() -> str:
    """SHA-256 of the bytes of the first evaluation inputs, to see that another machine makes the same ones."""
    return hashlib.sha256(data.evaluation_inputs(np.arange(HASHED_SAMPLES))["waveform"].tobytes()).hexdigest()


def write_reference(folder: Path = REFERENCE_FOLDER) -> float:
    """Compute and write outputs.safetensors and reference.json; return the accuracy."""
    indices = np.arange(data.EVALUATION_SIZE)
    waves = data.evaluation_inputs(indices)["waveform"]
    logits = compute_logits(load_shipped(GRAPH).double(), waves)
    value = accuracy(logits, data.evaluation_labels(indices))
    interval = wilson(round(value * len(indices)), len(indices))
    record = {
        "metric": "accuracy",
        "value": round(value, 6),
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "samples": len(indices),
        "evaluation_sha256": evaluation_digest(),
        "computed_with": {"torch": torch.__version__, "numpy": np.__version__, "arithmetic": "float64"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outputs.safetensors").write_bytes(save({"logits": logits.astype(np.float32)}))
    (folder / "reference.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return value
