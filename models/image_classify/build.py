"""Turns a training checkpoint into what ships: `python -m bench.models.image_classify.build --help`.

Writes graph.onnx, weights.safetensors, the reference answers and the computed lines of workload.toml; it never trains.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.models.export import export_graph, fold_batch_norms, round_to_half, round_to_int8
from bench.models.graph import model_hash
from bench.models.image_classify.classifier import Classifier
from bench.models.image_classify.data import EVALUATION_SIZE, Images, evaluation_inputs, evaluation_labels
from bench.models.image_classify.pictures import TRAINING_SIZE, training_set
from bench.models.image_classify.train import RESNET50
from bench.models.making.batch_norms import recalibrate
from bench.models.making.cache import training_cache
from bench.models.making.figures import graph_figures, put_figures, quality_figures, trained_today
from bench.models.making.reference import answers_in_double, evaluation_digest, write_reference
from bench.models.making.training import load_checkpoint
from bench.scoring.quality import wilson


def folded(classifier: Classifier, checkpoint: Path, images: Images) -> nn.Module:
    """Return the trained network in float32 with batch norms measured on the whole pictures `images`, and folded."""
    network = classifier.untrained(0)
    load_checkpoint(checkpoint, network)
    recalibrate(network, images)
    return fold_batch_norms(network)


def export(classifier: Classifier, module: nn.Module) -> None:
    """Write graph.onnx and weights.safetensors from the folded network, which is rounded to what they hold."""
    rounding = round_to_int8 if classifier.storage == "int8" else round_to_half
    example = {"image": torch.zeros((1, 3, 224, 224), dtype=torch.uint8)}
    export_graph(rounding(module), example, ["logits"], classifier.folder, storage=classifier.storage)


def write_answers(classifier: Classifier, cache: Path) -> float:
    """Write the reference answers, those of the shipped weights in float64, and their metric; return top-1."""

    def samples(indices: NDArray[np.int64]) -> Images:
        return evaluation_inputs(indices)["image"]

    identity = model_hash(classifier.graph).split(":")[1][:16]
    network = classifier.shipped(classifier.graph)
    logits = answers_in_double(network, samples, EVALUATION_SIZE, cache / f"reference-{identity}.npy")
    right = int((logits.argmax(1) == evaluation_labels(np.arange(EVALUATION_SIZE))).sum())
    top1, interval = right / EVALUATION_SIZE, wilson(right, EVALUATION_SIZE)
    write_reference(classifier.reference, {"logits": logits}, "top1", top1, interval, evaluation_digest(samples))
    return top1


def figures(classifier: Classifier, top1: float) -> dict[str, str]:
    """The computed lines of workload.toml."""
    return {
        **graph_figures(classifier.graph),
        **quality_figures(top1, EVALUATION_SIZE),
        "# 99 % of the reference (": f"{top1:.4f}), rounded down.",
        **trained_today(classifier.folder.name),
    }


def main(classifier: Classifier, description: str | None) -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cache-dir", type=Path, default=training_cache("image_classify"))
    parser.add_argument("--checkpoint", type=Path, help="default: the training's, in the cache")
    parser.add_argument("--pictures", type=int, default=TRAINING_SIZE, help="size of the rendered training set")
    parser.add_argument("--recalibrate", type=int, default=480, help="whole pictures that batch norms are measured on")
    parser.add_argument("--reference-only", action="store_true", help="keep graph and weights; redo the reference")
    given = parser.parse_args()
    if not given.reference_only:
        checkpoint = given.checkpoint or given.cache_dir / classifier.checkpoint
        images, _ = training_set(given.cache_dir, given.pictures, 2)
        export(classifier, folded(classifier, checkpoint, images[: given.recalibrate]))
    put_figures(classifier.folder / "workload.toml", figures(classifier, write_answers(classifier, given.cache_dir)))


if __name__ == "__main__":
    main(RESNET50, __doc__)
