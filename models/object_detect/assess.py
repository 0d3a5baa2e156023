"""Prints the figures of card.md: mAP with rounded weights, and what is found by size and by class.

Run `python -m bench.models.object_detect.assess`; it writes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.models.making.cache import training_cache
from bench.models.making.roundings import rounded
from bench.models.object_detect.build import GRAPH, samples, trained
from bench.models.object_detect.classes import CLASS_NAMES
from bench.models.object_detect.data import EVALUATION_SIZE, evaluation_labels
from bench.models.object_detect.network import load_shipped
from bench.models.object_detect.pictures import TRAINING_SIZE, training_set
from bench.models.object_detect.train import SECOND
from bench.scoring.detection import mean_average_precision, precision_interval
from bench.scoring.matching import match
from bench.tasks.detect import DETECTIONS, condense

Detections = NDArray[np.float32]
_BATCH = 16
_SIZES = ((0, 24), (24, 48), (48, 96), (96, 400))


@torch.no_grad()
def detections(network: nn.Module, count: int) -> Detections:
    """What `network` finds in the first `count` evaluation pictures, (count, 100, 6)."""
    parts = []
    for first in range(0, count, _BATCH):
        image = torch.from_numpy(samples(np.arange(first, min(first + _BATCH, count)))["image"])
        boxes, scores = network(image)
        parts.append(condense({"boxes": boxes.numpy(), "scores": scores.numpy()})[DETECTIONS])
    return np.concatenate(parts).astype(np.float32, copy=False)


def _variants(checkpoint: Path, cache: Path, scenes: int, count: int) -> Iterator[tuple[str, nn.Module]]:
    if checkpoint.exists():
        yield "fp32, before rounding to int8", trained(checkpoint, training_set(cache, scenes, 2)[0][:count])
    network = load_shipped(GRAPH)
    yield "as shipped", network
    for bits, per_channel in ((8, False), (4, True), (4, False)):
        unit = "channel" if per_channel else "tensor"
        yield f"{bits} bits, one scale per {unit}", rounded(network, bits, per_channel)


def print_details(found: Detections, labels: NDArray[np.float64]) -> None:
    """Print the shares of objects found by their longest side, and AP of each class."""
    longest = np.maximum(labels[..., 3] - labels[..., 1], labels[..., 4] - labels[..., 2])
    used = labels[..., 0] >= 0
    seen = match(found, labels)
    print(f"{seen.objects.sum()} objects, {(found[..., 5] >= 0).sum()} detections in {len(labels)} pictures")
    for low, high in _SIZES:
        mine = used & (longest >= low) & (longest < high)
        print(f"longest side {low} to {high}: {seen.found[mine[used]].mean():.3f} of {mine.sum()} found at overlap 0.5")
    for kind, name in enumerate(CLASS_NAMES):
        alone = np.where(labels[..., :1] == kind, labels, -1.0)
        print(f"{name:14} {mean_average_precision(match(found, alone)):.3f}")


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache-dir", type=Path, default=training_cache("object_detect"))
    parser.add_argument("--checkpoint", type=Path, help="default: the training's, in the cache, if there")
    parser.add_argument("--scenes", type=int, default=TRAINING_SIZE, help="of the rendered training set")
    parser.add_argument("--recalibrate", type=int, default=960)
    parser.add_argument("--count", type=int, default=EVALUATION_SIZE, help="evaluation pictures")
    given = parser.parse_args()
    labels = evaluation_labels(np.arange(given.count))
    checkpoint = given.checkpoint or given.cache_dir / SECOND.checkpoint
    for name, network in _variants(checkpoint, given.cache_dir, given.scenes, given.recalibrate):
        found = detections(network.eval(), given.count)
        matches = match(found, labels)
        value, interval = mean_average_precision(matches), precision_interval(matches)
        print(f"{name:32} {value:.4f} [{interval.low:.4f}, {interval.high:.4f}] of {given.count} pictures", flush=True)
        if name == "as shipped":
            print_details(found, labels)


if __name__ == "__main__":
    main()
