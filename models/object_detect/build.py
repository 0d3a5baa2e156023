"""Turns a training checkpoint into what ships: `python -m bench.models.object_detect.build --help`.

Writes graph.onnx, weights.safetensors, the reference answers and the computed lines of workload.toml; it never trains.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bench.models.base import NamedArrays
from bench.models.export import export_graph, round_to_int8
from bench.models.graph import model_hash
from bench.models.making.batch_norms import recalibrate
from bench.models.making.cache import training_cache
from bench.models.making.figures import graph_figures, put_figures, quality_figures, trained_today
from bench.models.making.reference import condensed_in_double, evaluation_digest, write_reference
from bench.models.making.training import load_checkpoint
from bench.models.object_detect.data import EVALUATION_SIZE, Images, evaluation_inputs, evaluation_labels
from bench.models.object_detect.network import Detector, folded, load_shipped, untrained
from bench.models.object_detect.pictures import TRAINING_SIZE, training_set
from bench.models.object_detect.place import SIZE
from bench.models.object_detect.train import SECOND, Student
from bench.scoring.detection import mean_average_precision, precision_interval
from bench.scoring.matching import match
from bench.tasks.detect import DETECT, DETECTIONS

FOLDER = Path(__file__).resolve().parent
GRAPH = FOLDER / "graph.onnx"
REFERENCE = FOLDER.parent.parent / "results" / "reference" / FOLDER.name
OUTPUTS = ["boxes", "scores"]


def trained(checkpoint: Path, images: Images) -> Detector:
    """Return the trained network with batch norms measured on `images` and folded, in float32."""
    student = Student(untrained(0))
    load_checkpoint(checkpoint, student)
    recalibrate(student.network, images)
    return folded(student.network)


def export(network: Detector, folder: Path) -> None:
    """Write graph.onnx and weights.safetensors from the folded network, which is rounded to what they hold."""
    example = {"image": torch.zeros((1, 3, SIZE, SIZE), dtype=torch.uint8)}
    export_graph(round_to_int8(network), example, OUTPUTS, folder, storage="int8")


def samples(indices: NDArray[np.int64]) -> NamedArrays:
    """Evaluation pictures {"image": (n, 3, 320, 320)}."""
    return {**evaluation_inputs(indices)}


def write_answers(cache: Path) -> float:
    """Write the reference answers, those of the shipped weights in float64, and their metric; return it."""
    identity = model_hash(GRAPH).split(":")[1][:16]
    network = load_shipped(GRAPH)
    raw, answers = condensed_in_double(network, samples, EVALUATION_SIZE, DETECT, cache / f"reference-{identity}")
    matches = match(answers[DETECTIONS], evaluation_labels(np.arange(EVALUATION_SIZE)))
    value, interval = mean_average_precision(matches), precision_interval(matches)
    outputs = dict(zip(OUTPUTS, raw.values(), strict=True))
    digest = evaluation_digest(lambda indices: samples(indices)["image"])
    write_reference(REFERENCE, outputs, DETECT.metric, value, interval, digest, answers)
    return value


def main() -> None:
    """Parse the command line and build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache-dir", type=Path, default=training_cache("object_detect"))
    parser.add_argument("--checkpoint", type=Path, help="default: the training's, in the cache")
    parser.add_argument("--scenes", type=int, default=TRAINING_SIZE, help="of the rendered training set")
    parser.add_argument("--recalibrate", type=int, default=960, help="pictures that batch norms are measured on")
    parser.add_argument("--reference-only", action="store_true", help="keep graph and weights; redo the reference")
    given = parser.parse_args()
    if not given.reference_only:
        images, _ = training_set(given.cache_dir, given.scenes, 2)
        export(trained(given.checkpoint or given.cache_dir / SECOND.checkpoint, images[: given.recalibrate]), FOLDER)
    value = write_answers(given.cache_dir)
    figures = {**graph_figures(GRAPH), **quality_figures(value, EVALUATION_SIZE), **trained_today(FOLDER.name)}
    put_figures(FOLDER / "workload.toml", figures)


if __name__ == "__main__":
    main()
