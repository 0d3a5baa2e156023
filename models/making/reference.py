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

from bench.models.base import NamedArrays
from bench.records.numbers import Interval
from bench.tasks.base import RAW_SAMPLES, Task, joined
from bench.tasks.ragged import packed

# `evaluation_sha256` is over this many samples, the first ones, so that another machine proves that it makes the same.
HASHED_SAMPLES = 64
_BATCH = 16

Samples = Callable[[NDArray[np.int64]], NDArray[np.generic]]
AllInputs = Callable[[NDArray[np.int64]], NamedArrays]
Answered = tuple[NamedArrays, NamedArrays]


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


@torch.no_grad()
def condensed_in_double(network: nn.Module, samples: AllInputs, count: int, task: Task, kept: Path) -> Answered:
    """Raw outputs of the first samples and condensed answers to samples 0 to count - 1, computed in float64.

    `network` takes the arrays of `samples` by position and gives one tensor, or a tuple; raw outputs come by their
    number. Batches are written to the folder `kept` at once, and what is there already is not computed again.
    """
    assert task.condense is not None
    network = network.double().eval()
    kept.mkdir(parents=True, exist_ok=True)
    raw: list[NamedArrays] = []
    condensed: list[NamedArrays] = []
    for first in range(0, count, _BATCH):
        part, file = np.arange(first, min(first + _BATCH, count)), kept / f"{first:06d}.npz"
        if first < RAW_SAMPLES or not file.exists():
            outputs = _outputs(network, samples(part))
            np.savez(kept / "part.npz", allow_pickle=False, **task.condense(outputs))
            (kept / "part.npz").replace(file)
            raw.append(outputs)
        with np.load(file) as stored:
            condensed.append({name: stored[name] for name in stored.files})
    first_raw = {name: array[:RAW_SAMPLES] for name, array in joined(raw[:1]).items()}
    return first_raw, joined(condensed)


def _outputs(network: nn.Module, inputs: NamedArrays) -> NamedArrays:
    given = network(*(torch.from_numpy(np.asarray(array)) for array in inputs.values()))
    tensors = given if isinstance(given, tuple) else (given,)
    return {str(place): tensor.float().numpy() for place, tensor in enumerate(tensors)}


def evaluation_digest(samples: Samples | AllInputs) -> str:
    """SHA-256 of the bytes of the first evaluation samples, input by input where there are several."""
    first = samples(np.arange(HASHED_SAMPLES))
    arrays = first.values() if isinstance(first, Mapping) else (first,)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def write_reference(
    folder: Path,
    outputs: Mapping[str, NDArray[np.generic]],
    metric: str,
    value: float,
    interval: Interval,
    digest: str,
    condensed: Mapping[str, NDArray[np.generic]] | None = None,
) -> None:
    """Write outputs.safetensors and reference.json into `folder`, which `bench.models.suite` reads.

    With `condensed` answers, padded, to all samples `outputs` are those of the first ones; they go into a file beside.
    """
    kept = {
        "metric": metric,
        "value": value,
        "interval": [round(interval.low, 6), round(interval.high, 6)],
        "samples": len(next(iter((condensed or outputs).values()))),
        "evaluation_sha256": digest,
        "computed_with": {"torch": torch.__version__, "numpy": np.__version__, "arithmetic": "float64"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    # In the order of their axes: safetensors writes memory as it lies, and a transposed answer lies otherwise.
    lying = {name: np.ascontiguousarray(array) for name, array in outputs.items()}
    (folder / "outputs.safetensors").write_bytes(save(lying))
    if condensed is not None:
        (folder / "answers.safetensors").write_bytes(save(packed(condensed)))
    (folder / "reference.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
