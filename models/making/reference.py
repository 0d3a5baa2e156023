"""The reference answers of a workload: computed in double precision, resumable, written for the suite."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save
from torch import nn

from bench.records.numbers import Interval

# `evaluation_sha256` is over this many samples, the first ones, so that another machine proves that it makes the same.
HASHED_SAMPLES = 64
_BATCH = 16

Samples = Callable[[NDArray[np.int64]], NDArray[np.generic]]


@torch.no_grad()
def answers_in_double(network: nn.Module, samples: Samples, count: int, kept: Path) -> NDArray[np.float32]:
    """Answers (count, …) of `network` to samples 0 to count - 1, computed in float64, rounded to float32.

    Every batch is written to `kept` at once, and what is there already is not computed again.
    """
    network = network.double().eval()
    if not kept.exists():
        probe = network(torch.from_numpy(samples(np.arange(1))))
        kept.parent.mkdir(parents=True, exist_ok=True)
        empty = np.lib.format.open_memmap(kept, "w+", np.float32, (count, *probe.shape[1:]))
        empty[:] = np.nan
        empty.flush()
    answers = np.lib.format.open_memmap(kept, "r+")
    for first in range(0, count, _BATCH):
        indices = np.arange(first, min(first + _BATCH, count))
        if np.isnan(answers[indices]).any():
            answers[indices] = network(torch.from_numpy(samples(indices))).numpy()
    answers.flush()
    return np.array(answers)


def evaluation_digest(samples: Samples) -> str:
    """SHA-256 of the bytes of the first evaluation samples."""
    return hashlib.sha256(samples(np.arange(HASHED_SAMPLES)).tobytes()).hexdigest()


def write_reference(
    folder: Path,
    outputs: Mapping[str, NDArray[np.float32]],
    metric: str,
    value: float,
    interval: Interval,
    digest: str,
) -> None:
    """Write outputs.safetensors and reference.json into `folder`, which `bench.models.suite` reads."""
    kept = {
        "metric": metric,
        "value": value,
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "samples": len(next(iter(outputs.values()))),
        "evaluation_sha256": digest,
        "computed_with": {"torch": torch.__version__, "numpy": np.__version__, "arithmetic": "float64"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "outputs.safetensors").write_bytes(save(dict(outputs)))
    (folder / "reference.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
