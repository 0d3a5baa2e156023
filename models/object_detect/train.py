"""Trains the detector on rendered scenes: `python -m bench.models.object_detect.train --help`.

The result is a checkpoint in the cache; `build` turns it into the files that ship.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.models.making.cache import training_cache
from bench.models.making.training import Plan, device, train
from bench.models.object_detect.assignment import corners, detection_loss
from bench.models.object_detect.data import Images, Labels, validation_scenes
from bench.models.object_detect.network import Detector, places, untrained
from bench.models.object_detect.pictures import TRAINING_SIZE, batch, training_set
from bench.models.object_detect.place import SIZE
from bench.scoring.detection import mean_average_precision
from bench.scoring.matching import match
from bench.tasks.detect import DETECTIONS, condense


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training: its plan, and how much smaller its pictures are."""

    plan: Plan
    shrink: int  # pictures of half the size teach at a quarter of the cost
    checkpoint: str


FIRST = Stage(
    plan=Plan(steps=4000, batch=32, rate=2e-3, decay=0.02, seed=1, vector_factor=2.0),
    shrink=2,
    checkpoint="checkpoint-half.pt",
)
SECOND = Stage(
    plan=Plan(steps=3600, batch=16, rate=1e-3, decay=0.02, seed=2, vector_factor=2.0),
    shrink=1,
    checkpoint="checkpoint.pt",
)
_CHECKED, _BATCH = 256, 16


class Student(nn.Module):
    """The network in training: what its places say, before boxes and scores are made of it."""

    def __init__(self, network: Detector) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Map pictures (batch, 3, size, size) to distances, then logits (batch, 4 + classes, places)."""
        return torch.cat(self.network.raw(image), dim=1)


class Scenes:
    """Training scenes, half of them mirrored, and the loss of what the network says to them."""

    def __init__(self, images: Images, labels: Labels, stage: Stage) -> None:
        self._images, self._labels, self._stage = images, labels, stage
        self._checked, self._truth = validation_scenes(np.arange(_CHECKED))
        centres, strides = places(SIZE // stage.shrink)
        self._centres, self._strides = centres.to(device()), strides.to(device())

    def batch(self, step: int) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
        """Pictures (batch, 3, size, size), uint8 or, where smaller, float32; and labels (batch, 8, 7)."""
        plan = self._stage.plan
        return smaller(*batch(self._images, self._labels, plan.batch, plan.seed, step), self._stage.shrink)

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of the scores and overlap of the boxes."""
        return detection_loss(outputs[:, :4], outputs[:, 4:], self._centres, self._strides, truth)

    @torch.no_grad()
    def check(self, network: nn.Module) -> str:
        """mAP on validation scenes, seen at the size of the stage."""
        network.eval()
        found = []
        for first in range(0, _CHECKED, _BATCH):
            pictures, _ = smaller(self._checked[first : first + _BATCH], np.zeros(7, np.float32), self._stage.shrink)
            with self._stage.plan.precision():
                said = network(torch.from_numpy(pictures).to(device())).float()
            boxes = corners(said[:, :4], self._centres, self._strides)
            scores = said[:, 4:].sigmoid().transpose(1, 2)
            found.append(condense({"boxes": boxes.cpu().numpy(), "scores": scores.cpu().numpy()})[DETECTIONS])
        _, truth = smaller(self._checked[:0], self._truth.astype(np.float32), self._stage.shrink)
        matches = match(np.concatenate(found).astype(np.float64), truth.astype(np.float64))
        return f"mAP {mean_average_precision(matches):.4f}"


def smaller(
    pictures: Images, labels: NDArray[np.float32], shrink: int
) -> tuple[NDArray[np.generic], NDArray[np.float32]]:
    """Pictures (n, 3, h, w) and labels (n, 8, 7) `shrink` times smaller; such pictures are float32."""
    if shrink == 1:
        return pictures, labels
    reduced = nn.functional.avg_pool2d(torch.from_numpy(pictures).float(), shrink).numpy()
    scales = np.array([1, *[1 / shrink] * 4, 1 / shrink**2, 1], dtype=np.float32)
    return reduced, np.where(labels[..., :1] >= 0, labels * scales, labels)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=FIRST.plan.steps, help="with pictures of half the size")
    parser.add_argument("--whole-steps", type=int, default=SECOND.plan.steps, help="then with whole pictures")
    parser.add_argument("--scenes", type=int, default=TRAINING_SIZE, help="of the rendered training set")
    parser.add_argument("--threads", type=int, help="processor cores to compute on; default: all")
    parser.add_argument("--workers", type=int, default=2, help="processes that render the training scenes")
    parser.add_argument("--cache-dir", type=Path, default=training_cache("object_detect"))
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    images, labels = training_set(given.cache_dir, given.scenes, given.workers)
    student = Student(untrained(FIRST.plan.seed))
    for asked, steps in ((FIRST, given.steps), (SECOND, given.whole_steps)):
        stage = replace(asked, plan=replace(asked.plan, steps=steps))
        train(student, Scenes(images, labels, stage), stage.plan, given.cache_dir / stage.checkpoint)


if __name__ == "__main__":
    main()
