"""Trains MobileFaceNet to tell rendered people apart: `python -m bench.models.face_verify.train --help`.

The result is a checkpoint in the cache; `build` turns it into the files that ship.
"""

from __future__ import annotations

import argparse
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.models.face_verify.data import Images, Labels, training_traits, validation_pictures
from bench.models.face_verify.network import DIMENSIONS, SIDE, MobileFaceNet, untrained
from bench.models.face_verify.people import TRAITS
from bench.models.face_verify.pictures import IDENTITIES, SIDES, batch, default_cache, training_set
from bench.models.making.training import Plan, device, train
from bench.scoring.verification import Pairs, true_accept_rate
from bench.tasks.verify import FALSE_ACCEPT_RATE, cosines

PLAN = Plan(steps=4000, batch=64, rate=3e-3, decay=0.02, seed=1, check_every=500)
CHECKPOINT = "checkpoint.pt"
# Additive angular margin (Deng et al. 2019), which grows from nothing between two shares of the steps.
_SCALE, _MARGIN, _GROWTH = 24.0, 0.3, (0.45, 0.75)
# What a person is drawn from is known here, and teaches faster than names, which come in after this share of the steps.
_TRAITS_WEIGHT, _NAMED = 10.0, 0.2
# Pictures of half the size teach most of it at a quarter of the cost: share of the steps at half size.
_HALF = 0.9
_CHECKED = 600
_BATCH = 48


class Student(nn.Module):
    """The network in training: cosines with a direction for each person trained on, and a guess at their traits."""

    def __init__(self, network: MobileFaceNet, identities: int, seed: int) -> None:
        super().__init__()
        self.network = network
        generator = torch.Generator().manual_seed(seed + 1)
        self.people = nn.Parameter(torch.randn(identities, DIMENSIONS, generator=generator) * 0.1)
        self.traits = nn.Linear(DIMENSIONS, len(TRAITS))
        nn.init.normal_(self.traits.weight, std=0.05, generator=generator)

    def forward(self, image: Tensor) -> Tensor:
        """Map pictures (batch, 3, h, w) of any size to cosines, then traits (batch, identities + traits)."""
        maps = self.network.features(image)
        if maps.shape[-1] != SIDE:
            maps = nn.functional.interpolate(maps, size=(SIDE, SIDE), mode="bilinear")
        embeddings = self.network.embedding(maps).float()
        cosines = nn.functional.linear(nn.functional.normalize(embeddings), nn.functional.normalize(self.people))
        return torch.cat([cosines, self.traits(embeddings).float()], dim=1)


class Likeness:
    """Pictures of people, and the loss that keeps each person's apart from all others'."""

    def __init__(self, images: Images, sides: int, plan: Plan, checked: int = _CHECKED) -> None:
        self._images, self._sides, self._plan = images, sides, plan
        self._margin, self._named = 0.0, False
        self._checked = validation_pictures(checked)
        self._traits = torch.from_numpy(training_traits(len(images) // sides)).to(device())

    def batch(self, step: int) -> tuple[NDArray[np.generic], Labels]:
        """Pictures (batch, 3, side, side), uint8 or, at half size, float32; and who is seen."""
        self._named = step >= _NAMED * self._plan.steps
        begin, end = (share * self._plan.steps for share in _GROWTH)
        self._margin = _MARGIN * min(1.0, max(0.0, (step - begin) / (end - begin)))
        images, people = batch(self._images, self._sides, self._plan.batch, self._plan.seed, step)
        if step >= _HALF * self._plan.steps:
            return images, people
        return nn.functional.avg_pool2d(torch.from_numpy(images).float(), 2).numpy(), people

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """Cross-entropy of cosines, the right angle widened by the margin, and the squared error of the traits."""
        people = len(self._traits)
        missed = nn.functional.mse_loss(outputs[:, people:], self._traits[truth])
        if not self._named:
            return _TRAITS_WEIGHT * missed
        return self._confusion(outputs[:, :people], truth) + _TRAITS_WEIGHT * missed

    def _confusion(self, cosines: Tensor, truth: Tensor) -> Tensor:
        cosine = cosines.float().clamp(-1 + 1e-6, 1 - 1e-6)
        own = cosine.gather(1, truth[:, None])
        widened = own * math.cos(self._margin) - torch.sqrt(1 - own * own) * math.sin(self._margin)
        # Beyond the angle from which the margin would turn the cosine up again, a plain penalty goes on.
        widened = torch.where(
            own > math.cos(math.pi - self._margin), widened, own - self._margin * math.sin(self._margin)
        )
        return nn.functional.cross_entropy(cosine.scatter(1, truth[:, None], widened) * _SCALE, truth)

    def check(self, network: nn.Module) -> str:
        """TAR at FAR 0.1 % on validation people."""
        assert isinstance(network, Student)
        rate = validated(embeddings(network.network, self._checked))
        return f"TAR at FAR {FALSE_ACCEPT_RATE:g} {rate:.4f}"


@torch.no_grad()
def embeddings(network: nn.Module, images: Images) -> NDArray[np.float32]:
    """Embeddings (n, 128) of pictures (n, 3, 112, 112)."""
    network.eval()
    parts = [
        network(torch.from_numpy(images[first : first + _BATCH]).to(device(), memory_format=torch.channels_last))
        for first in range(0, len(images), _BATCH)
    ]
    result: NDArray[np.float32] = torch.cat(parts).float().cpu().numpy()
    return result


def pairs(answers: NDArray[np.float32]) -> Pairs:
    """Every live picture against every document; embeddings in the order of the data: document, live, document …"""
    people = np.arange(len(answers) // 2)
    return Pairs(cosines({"embedding": answers}, 2 * people + 1, 2 * people), people, people)


def validated(answers: NDArray[np.float32]) -> float:
    """TAR at FAR 0.1 % of embeddings in the order of the data."""
    return true_accept_rate(pairs(answers), FALSE_ACCEPT_RATE)


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=PLAN.steps)
    parser.add_argument("--batch", type=int, default=PLAN.batch)
    parser.add_argument("--rate", type=float, default=PLAN.rate)
    parser.add_argument("--decay", type=float, default=PLAN.decay)
    parser.add_argument("--identities", type=int, default=IDENTITIES, help="people of the training set")
    parser.add_argument("--sides", type=int, default=SIDES, help="pictures of each of them, 63 at most")
    parser.add_argument("--seed", type=int, default=PLAN.seed)
    parser.add_argument("--threads", type=int, help="processor cores to compute on; default: all")
    parser.add_argument("--workers", type=int, default=2, help="processes that render the training pictures")
    parser.add_argument("--cache-dir", type=Path, default=default_cache())
    parser.add_argument("--checkpoint", type=Path, help="default: in the cache; resumed when it exists")
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    plan = replace(PLAN, steps=given.steps, batch=given.batch, rate=given.rate, decay=given.decay, seed=given.seed)
    images = training_set(given.cache_dir, given.identities, given.sides, given.workers)
    student = Student(untrained(plan.seed), given.identities, plan.seed)
    train(student, Likeness(images, given.sides, plan), plan, given.checkpoint or given.cache_dir / CHECKPOINT)


if __name__ == "__main__":
    main()
