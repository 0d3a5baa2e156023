"""The reference answers: float64 logits of the shipped weights on the evaluation set, and their accuracy.

Needs torch; the running suite reads only the files that `release.py` writes from here.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.models.making.reference import evaluation_digest, write_reference
from bench.models.speech_command import data
from bench.models.speech_command.network import CommandNet, load_shipped
from bench.scoring.quality import wilson

FOLDER = Path(__file__).parent
GRAPH = FOLDER / "graph.onnx"
REFERENCE_FOLDER = FOLDER.resolve().parents[1] / "results" / "reference" / "speech_command"
_BATCH = 64


def compute_logits(network: CommandNet, waves: NDArray[np.int16]) -> NDArray[np.float64]:
    """Run int16 (n, 16000) through `network` in its own element type; return float64 (n, classes)."""
    parts = np.array_split(waves, max(1, len(waves) // _BATCH))
    with torch.no_grad():
        return np.concatenate([network(torch.from_numpy(part)).double().numpy() for part in parts])


def accuracy(logits: NDArray[np.floating], labels: NDArray[np.int64]) -> float:
    """Share of samples whose highest logit is the label's."""
    return float(np.mean(logits.argmax(axis=1) == labels))


def write_answers() -> float:
    """Compute and write the reference answers; return the accuracy."""
    indices = np.arange(data.EVALUATION_SIZE)
    waves = data.evaluation_inputs(indices)["waveform"]
    logits = compute_logits(load_shipped(GRAPH).double(), waves)
    value = accuracy(logits, data.evaluation_labels(indices))
    interval = wilson(round(value * len(indices)), len(indices))
    digest = evaluation_digest(lambda some: data.evaluation_inputs(some)["waveform"])
    outputs = {"logits": logits.astype(np.float32)}
    write_reference(REFERENCE_FOLDER, outputs, "accuracy", round(value, 6), interval, digest)
    return value
