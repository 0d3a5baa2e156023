"""Turns a training checkpoint into what ships: `python -m bench.models.face_verify.build --help`.

Writes graph.onnx, weights.safetensors, the reference answers and the computed lines of workload.toml; it never trains.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.models.export import export_graph, fold_batch_norms, round_to_int8
from bench.models.face_verify.data import EVALUATION_SIZE, Images, evaluation_inputs
from bench.models.face_verify.head import SIZE
from bench.models.face_verify.network import load_shipped, untrained
from bench.models.face_verify.pictures import IDENTITIES, SIDES, training_set
from bench.models.face_verify.train import SECOND, Student, pairs
from bench.models.graph import model_hash
from bench.models.making.batch_norms import recalibrate
from bench.models.making.cache import training_cache
from bench.models.making.figures import graph_figures, put_figures, quality_figures, trained_today
from bench.models.making.reference import answers_in_double, evaluation_digest, write_reference
from bench.models.making.training import load_checkpoint
from bench.scoring.verification import rate_interval, true_accept_rate
from bench.tasks.verify import FALSE_ACCEPT_RATE, VERIFY

FOLDER = Path(__file__).resolve().parent
GRAPH = FOLDER / "graph.onnx"
REFERENCE = FOLDER.parent.parent / "results" / "reference" / FOLDER.name


def trained(checkpoint: Path, images: Images) -> nn.Module:
    """Return the trained network with batch norms measured on whole `images` and folded, in float32."""
    identities = torch.load(checkpoint, map_location="cpu", weights_only=True)["network"]["people"].shape[0]
    student = Student(untrained(0), identities, 0)
    load_checkpoint(checkpoint, student)
    recalibrate(student.network, images)
    return fold_batch_norms(student.network)


def export(module: nn.Module) -> None:
    """Write graph.onnx and weights.safetensors from the folded network, which is rounded to what they hold."""
    example = {"image": torch.zeros((1, 3, SIZE, SIZE), dtype=torch.uint8)}
    export_graph(round_to_int8(module), example, ["embedding"], FOLDER, storage="int8")


def samples(indices: NDArray[np.int64]) -> Images:
    """Evaluation pictures (n, 3, 112, 112)."""
    return evaluation_inputs(indices)["image"]


def write_answers(cache: Path) -> float:
    """Write the reference answers, those of the shipped weights in float64, and their metric; return it."""
    identity = model_hash(GRAPH).split(":")[1][:16]
    kept = cache / f"reference-{identity}.npy"
    answers = answers_in_double(load_shipped(GRAPH), samples, EVALUATION_SIZE, kept)
    compared = pairs(answers)
    rate, interval = true_accept_rate(compared, FALSE_ACCEPT_RATE), rate_interval(compared, FALSE_ACCEPT_RATE)
    write_reference(REFERENCE, {"embedding": answers}, VERIFY.metric, rate, interval, evaluation_digest(samples))
    return rate


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache-dir", type=Path, default=training_cache("face_verify"))
    parser.add_argument("--checkpoint", type=Path, help="default: the training's, in the cache")
    parser.add_argument("--identities", type=int, default=IDENTITIES, help="people of the rendered training set")
    parser.add_argument("--sides", type=int, default=SIDES)
    parser.add_argument("--recalibrate", type=int, default=1200, help="pictures that batch norms are measured on")
    parser.add_argument("--reference-only", action="store_true", help="keep graph and weights; redo the reference")
    given = parser.parse_args()
    if not given.reference_only:
        images = training_set(given.cache_dir, given.identities, given.sides, 2)
        export(trained(given.checkpoint or given.cache_dir / SECOND.checkpoint, images[: given.recalibrate]))
    rate = write_answers(given.cache_dir)
    figures = {**graph_figures(GRAPH), **quality_figures(rate, EVALUATION_SIZE), **trained_today(FOLDER.name)}
    put_figures(FOLDER / "workload.toml", figures)


if __name__ == "__main__":
    main()
