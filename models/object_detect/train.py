"""Trains the detector on rendered scenes: `python -m bench.models.object_detect.train --help`.

The result is a checkpoint in the cache; `build` turns it into the files that ship.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.models.making.training import Plan, device, train
from bench.models.object_detect.assignment import detection_loss
from bench.models.object_detect.classes import CLASS_NAMES
from bench.models.object_detect.data import Images, Labels, validation_scenes
from bench.models.object_detect.network import SIZE, Detector, places, untrained
from bench.models.object_detect.pictures import TRAINING_SIZE, batch, default_cache, training_set

PLAN = Plan(steps=6000, batch=16, rate=2e-3, decay=0.02, seed=1, vector_factor=2.0, check_every=500)
CHECKPOINT = "checkpoint.pt"
_CHECKED = 128


class Student(nn.Module):
    """The network in training: what its places say, before boxes and scores are made of it."""

    def __init__(self, network: Detector) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Map pictures (batch, 3, 320, 320) to distances, then logits (batch, 4 + classes, 2100)."""
        return torch.cat(self.network.raw(image), dim=1)


class Scenes:
    """Training scenes, half of them mirrored, and the loss of what the network says to them."""

    def __init__(self, images: Images, labels: Labels, plan: Plan) -> None:
        self._images, self._labels, self._plan = images, labels, plan
        self._checked, self._truth = validation_scenes(np.arange(_CHECKED))
        centres, strides = places(SIZE)
        self._centres, self._strides = centres.to(device()), strides.to(device())

    def batch(self, step: int) -> tuple[Images, NDArray[np.float32]]:
        """Pictures (batch, 3, 320, 320) and labels (batch, 8, 7)."""
        return batch(self._images, self._labels, self._plan.batch, self._plan.seed, step)

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of the scores and overlap of the boxes."""
        return detection_loss(outputs[:, :4], outputs[:, 4:], self._centres, self._strides, truth)

    @torch.no_grad()
    def check(self, network: nn.Module) -> str:
        """The loss on validation scenes."""
        network.eval()
        size, losses = self._plan.batch, []
        for first in range(0, _CHECKED, size):
            pictures = torch.from_numpy(self._checked[first : first + size]).to(device())
            truth = torch.from_numpy(self._truth[first : first + size].astype(np.float32)).to(device())
            losses.append(float(self.loss(network(pictures), truth)))
        return f"validation loss {np.mean(losses):.4f}"


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=PLAN.steps)
    parser.add_argument("--scenes", type=int, default=TRAINING_SIZE, help="of the rendered training set")
    parser.add_argument("--threads", type=int, help="processor cores to compute on; default: all")
    parser.add_argument("--workers", type=int, default=2, help="processes that render the training scenes")
    parser.add_argument("--cache-dir", type=Path, default=default_cache())
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    plan = replace(PLAN, steps=given.steps)
    student = Student(untrained(len(CLASS_NAMES), plan.seed))
    lesson = Scenes(*training_set(given.cache_dir, given.scenes, given.workers), plan)
    train(student, lesson, plan, given.cache_dir / CHECKPOINT)


if __name__ == "__main__":
    main()
