"""The lesson of a `Classifier`, random crops of rendered pictures checked on whole ones, and its command line."""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from bench.models.image_classify.classifier import Classifier
from bench.models.image_classify.data import Images, Labels, validation_pictures
from bench.models.image_classify.pictures import TRAINING_SIZE, crops, training_set
from bench.models.making.batch_norms import recalibrate
from bench.models.making.cache import training_cache
from bench.models.making.training import Plan, device, train

_CHECKED, _MEASURED = 720, 144
_BATCH = 24


class Crops:
    """Random crops of training pictures, with their classes."""

    def __init__(self, images: Images, labels: Labels, plan: Plan, sides: Sequence[tuple[float, int]]) -> None:
        self._images, self._labels, self._plan, self._sides = images, labels, plan, sides
        self._checked = validation_pictures(np.arange(_CHECKED))

    def batch(self, step: int) -> tuple[Images, Labels]:
        """uint8 (batch, 3, side, side) and classes."""
        plan = self._plan
        side = next(side for until, side in self._sides if step < until * plan.steps or until == 1.0)
        return crops(self._images, self._labels, side, plan.batch, plan.seed, step)

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy with smoothed labels."""
        return nn.functional.cross_entropy(outputs.float(), truth, label_smoothing=0.05)

    def check(self, network: nn.Module) -> str:
        """Accuracy of a copy whose batch norms are measured on whole pictures, as those of the shipped network are."""
        whole = copy.deepcopy(network)
        with self._plan.precision():
            recalibrate(whole, self._images[:_MEASURED])
            return f"top-1 at 224 {accuracy(whole, *self._checked):.4f}"


@torch.no_grad()
def accuracy(network: nn.Module, images: Images, labels: Labels) -> float:
    """Share of whole pictures (count, 3, 224, 224) classified right."""
    network.eval()
    right = 0
    for first in range(0, len(images), _BATCH):
        inputs = torch.from_numpy(images[first : first + _BATCH]).to(device(), memory_format=torch.channels_last)
        answers = network(inputs).argmax(1).cpu().numpy()
        right += int((answers == labels[first : first + _BATCH]).sum())
    return right / len(images)


def main(classifier: Classifier, description: str | None) -> None:
    """Parse the command line and train."""
    plan = classifier.plan
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--steps", type=int, default=plan.steps)
    parser.add_argument("--batch", type=int, default=plan.batch)
    parser.add_argument("--rate", type=float, default=plan.rate)
    parser.add_argument("--decay", type=float, default=plan.decay)
    parser.add_argument("--pictures", type=int, default=TRAINING_SIZE)
    parser.add_argument("--seed", type=int, default=plan.seed)
    parser.add_argument("--threads", type=int, help="processor cores to compute on; default: all")
    parser.add_argument("--workers", type=int, default=2, help="processes that render the training pictures")
    parser.add_argument("--cache-dir", type=Path, default=training_cache("image_classify"))
    parser.add_argument("--checkpoint", type=Path, help="default: in the cache; resumed when it exists")
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    plan = replace(plan, steps=given.steps, batch=given.batch, rate=given.rate, decay=given.decay, seed=given.seed)
    lesson = Crops(*training_set(given.cache_dir, given.pictures, given.workers), plan, classifier.sides)
    train(classifier.untrained(plan.seed), lesson, plan, given.checkpoint or given.cache_dir / classifier.checkpoint)
