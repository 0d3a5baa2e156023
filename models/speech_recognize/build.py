"""Turns a training checkpoint into what ships: `python -m bench.models.speech_recognize.build --help`.

Writes graph.onnx, weights.safetensors, the reference answers and the computed lines of workload.toml; it never trains.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.models.export import export_graph, round_to_int8
from bench.models.graph import model_hash
from bench.models.making.cache import training_cache
from bench.models.making.figures import graph_figures, put_figures, quality_figures, trained_today
from bench.models.making.reference import condensed_in_double, evaluation_digest, write_reference
from bench.models.making.training import load_checkpoint
from bench.models.speech_recognize.data import EVALUATION_SIZE, evaluation_inputs, evaluation_labels
from bench.models.speech_recognize.network import Convolution, Local, Recogniser, load_shipped
from bench.models.speech_recognize.train import Student
from bench.models.speech_recognize.utterances import FRAME, MOST
from bench.scoring.transcription import accuracy_interval, transcript
from bench.tasks.recognise import RECOGNISE, TEXT

FOLDER = Path(__file__).resolve().parent
GRAPH = FOLDER / "graph.onnx"
REFERENCE = FOLDER.parent.parent / "results" / "reference" / FOLDER.name
OUTPUT = "log_probs"


def trained(checkpoint: Path) -> Recogniser:
    """The network of a training checkpoint in float32, its batch norms folded."""
    student = Student(Recogniser())
    load_checkpoint(checkpoint, student)
    return folded(student.network)


@torch.no_grad()
def folded(network: Recogniser) -> Recogniser:
    """The same function without batch norms: each scales and shifts the convolution before it, in float64.

    torch.fx, which does so for the other networks, cannot follow lengths that come with the batch.
    """
    state = {name: value.clone() for name, value in network.state_dict().items()}
    for name, part in network.named_modules():
        if isinstance(part, Convolution):
            _fold(state, f"{name}.conv", f"{name}.norm", part.norm)
        elif isinstance(part, Local):
            _fold(state, f"{name}.depthwise", f"{name}.batch_norm", part.batch_norm)
    result = Recogniser(folded=True)
    result.load_state_dict(state)
    return result.eval()


def _fold(state: dict[str, Tensor], convolution: str, name: str, norm: nn.Module) -> None:
    """Put the batch norm called `name` into weights and bias of `convolution`, and take it out of the state."""
    assert isinstance(norm, nn.modules.batchnorm._BatchNorm)
    weight, bias, mean, variance, _ = (
        state.pop(f"{name}.{part}").double()
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    )
    factor = weight / torch.sqrt(variance + norm.eps)
    kernel = state[f"{convolution}.weight"].double()
    state[f"{convolution}.weight"] = (kernel * factor.reshape(-1, *[1] * (kernel.ndim - 1))).float()
    state[f"{convolution}.bias"] = (bias - mean * factor).float()


def export(network: nn.Module, folder: Path = FOLDER) -> None:
    """Write graph.onnx and weights.safetensors from the folded network, which is rounded to what they hold."""
    example = {
        "waveform": torch.zeros((2, 20 * FRAME), dtype=torch.int16),
        "length": torch.full((2,), 20 * FRAME, dtype=torch.int64),
    }
    axes = {"waveform": "time", OUTPUT: "frames"}
    export_graph(round_to_int8(network), example, [OUTPUT], folder, storage="int8", varying=axes)


class OneByOne(nn.Module):
    """Each sample at its own length, which gives the same answers at half the cost of the longest form."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, waveform: Tensor, length: Tensor) -> Tensor:
        """As the network does."""
        rows = []
        for wave, samples in zip(waveform, length, strict=True):
            frames = -(-int(samples) // FRAME)
            row = self.network(wave[None, : frames * FRAME], samples[None])
            rows.append(nn.functional.pad(row, (0, 0, 0, waveform.shape[1] // FRAME - frames)))
        return torch.cat(rows)


def write_answers(cache: Path) -> float:
    """Write the reference answers, those of the shipped weights in float64, and their metric; return it."""
    kept = cache / f"reference-{model_hash(GRAPH).split(':')[1][:16]}-{evaluation_digest(evaluation_inputs)[:16]}"
    raw, answers = condensed_in_double(
        OneByOne(load_shipped(GRAPH)), evaluation_inputs, EVALUATION_SIZE, RECOGNISE, kept
    )
    found = transcript(answers[TEXT].astype(np.int64), evaluation_labels(np.arange(EVALUATION_SIZE)))
    outputs = {OUTPUT: next(iter(raw.values()))}
    write_reference(
        REFERENCE,
        outputs,
        RECOGNISE.metric,
        found.accuracy,
        accuracy_interval(found),
        evaluation_digest(evaluation_inputs),
        answers,
    )
    return found.accuracy


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache-dir", type=Path, default=training_cache("speech_recognize"))
    parser.add_argument("--checkpoint", type=Path, help="default: the training's, in the cache")
    parser.add_argument("--reference-only", action="store_true", help="keep graph and weights; redo the reference")
    given = parser.parse_args()
    if not given.reference_only:
        export(trained(given.checkpoint or given.cache_dir / "checkpoint.pt"))
    rate = write_answers(given.cache_dir)
    figures = {**graph_figures(GRAPH, {"waveform": (MOST,)}), **quality_figures(rate, EVALUATION_SIZE)}
    if not given.reference_only:
        figures |= trained_today(FOLDER.name)
    put_figures(FOLDER / "workload.toml", figures)
    print(f"characters right {rate:.4f}")


if __name__ == "__main__":
    main()
