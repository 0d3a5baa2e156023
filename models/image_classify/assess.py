"""Prints the figures of card.md: top-1 with rounded weights, and which classes are mistaken for which.

Run `python -m bench.models.image_classify.assess`; it writes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file
from torch import nn

from bench.models.image_classify.build import folded
from bench.models.image_classify.classifier import Classifier
from bench.models.image_classify.data import CLASS_NAMES, EVALUATION_SIZE, evaluation_inputs, evaluation_labels
from bench.models.image_classify.pictures import TRAINING_SIZE, training_set
from bench.models.image_classify.train import RESNET50
from bench.models.making.cache import training_cache
from bench.models.making.roundings import rounded
from bench.scoring.quality import wilson

_CHUNK = 24


def _variants(
    classifier: Classifier, checkpoint: Path, cache: Path, pictures: int, count: int
) -> Iterator[tuple[str, nn.Module]]:
    if checkpoint.exists():
        images, _ = training_set(cache, pictures, 2)
        yield f"fp32, before rounding to {classifier.storage}", folded(classifier, checkpoint, images[:count])
    network = classifier.shipped(classifier.graph)
    yield f"{classifier.storage}, as shipped", network
    for bits, per_channel in ((8, False), (4, True), (4, False)):
        unit = "channel" if per_channel else "tensor"
        yield f"{bits} bits, one scale per {unit}", rounded(network, bits, per_channel)


@torch.no_grad()
def right_answers(network: nn.Module, indices: NDArray[np.int64]) -> int:
    """Count right answers in float32 on the evaluation pictures at `indices`."""
    network = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    right = 0
    for first in range(0, len(indices), _CHUNK):
        chosen = indices[first : first + _CHUNK]
        answers = network(torch.from_numpy(evaluation_inputs(chosen)["image"])).argmax(1).numpy()
        right += int((answers == evaluation_labels(chosen)).sum())
    return right


def print_confusion(reference: Path) -> None:
    """Print the weakest classes and the most frequent mistakes of the stored reference answers."""
    answers = load_file(reference / "outputs.safetensors")["logits"].argmax(1)
    labels = evaluation_labels(np.arange(EVALUATION_SIZE))
    table = np.zeros((len(CLASS_NAMES), len(CLASS_NAMES)), dtype=np.int64)
    np.add.at(table, (labels, answers), 1)
    shares = table.diagonal() / table.sum(1)
    for label in np.argsort(shares, kind="stable")[:12]:
        mistakes = [other for other in np.argsort(-table[label], kind="stable")[:4] if other != label]
        text = ", ".join(f"{CLASS_NAMES[other]} {table[label, other]}" for other in mistakes if table[label, other])
        print(f"{CLASS_NAMES[label]:22} {shares[label]:.2f}  taken for {text}")
    print(f"classes without a mistake: {int((shares == 1).sum())}")


def main(classifier: Classifier, description: str | None) -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--cache-dir", type=Path, default=training_cache("image_classify"))
    parser.add_argument("--checkpoint", type=Path, help="default: the training's, in the cache, if there")
    parser.add_argument("--pictures", type=int, default=TRAINING_SIZE)
    parser.add_argument("--recalibrate", type=int, default=480)
    parser.add_argument("--count", type=int, default=EVALUATION_SIZE, help="evaluation pictures")
    given = parser.parse_args()
    print_confusion(classifier.reference)
    checkpoint = given.checkpoint or given.cache_dir / classifier.checkpoint
    for name, network in _variants(classifier, checkpoint, given.cache_dir, given.pictures, given.recalibrate):
        right = right_answers(network, np.arange(given.count))
        interval = wilson(right, given.count)
        print(
            f"{name:32} {right / given.count:.4f} [{interval.low:.4f}, {interval.high:.4f}] of {given.count}",
            flush=True,
        )


if __name__ == "__main__":
    main(RESNET50, __doc__)
