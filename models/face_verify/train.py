"""Trains MobileFaceNet to tell rendered people apart: `python -m bench.models.face_verify.train --help`.

The result is a checkpoint in the cache; `build` turns it into the files that ship.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bench.models.face_verify.data import Images, Labels, training_traits, validation_pictures
from bench.models.face_verify.network import DIMENSIONS, SIDE, MobileFaceNet, untrained
from bench.models.face_verify.people import TRAITS
from bench.models.face_verify.pictures import IDENTITIES, SIDES, batch, training_set
from bench.models.making.cache import training_cache
from bench.models.making.training import Plan, device, train
from bench.scoring.verification import Pairs, true_accept_rate
from bench.tasks.verify import FALSE_ACCEPT_RATE, cosines


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of the training: its plan, the size of its pictures, and when which loss takes part (shares of steps)."""

    plan: Plan
    half: bool  # pictures of half the size teach at a quarter of the cost
    named: float  # from when people must be told apart; what they are drawn from is asked all the time
    margin: tuple[float, float]  # from when to when the margin grows
    checkpoint: str


FIRST = Stage(
    plan=Plan(steps=3600, batch=64, rate=3e-3, decay=0.02, seed=1),
    half=True,
    named=0.22,
    margin=(0.5, 0.83),
    checkpoint="checkpoint-half.pt",
)
SECOND = Stage(
    plan=Plan(steps=600, batch=64, rate=1.5e-3, decay=0.02, seed=2, check_every=200),
    half=False,
    named=0.0,
    margin=(0.0, 0.3),
    checkpoint="checkpoint.pt",
)
# Additive angular margin (Deng et al. 2019).
_SCALE, _MARGIN = 24.0, 0.3
# What a person is drawn from is known here, and teaches faster than names do.
_TRAITS_WEIGHT = 10.0
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
        embeddings = self.embed(image)
        cosines = nn.functional.linear(nn.functional.normalize(embeddings), nn.functional.normalize(self.people))
        return torch.cat([cosines, self.traits(embeddings).float()], dim=1)

    def embed(self, image: Tensor) -> Tensor:
        """Map pictures (batch, 3, h, w) of any size to embeddings (batch, 128) of any length, in float32."""
        maps = self.network.features(image)
        if maps.shape[-1] != SIDE:
            maps = nn.functional.interpolate(maps, size=(SIDE, SIDE), mode="bilinear")
        embeddings: Tensor = self.network.embedding(maps).float()
        return embeddings


class Likeness:
    """Pictures of people, and the loss that keeps each person's apart from all others'."""

    def __init__(self, images: Images, sides: int, stage: Stage, checked: int = _CHECKED) -> None:
        self._images, self._sides, self._stage = images, sides, stage
        self._margin, self._named = 0.0, False
        self._checked = validation_pictures(checked)
        self._traits = torch.from_numpy(training_traits(len(images) // sides)).to(device())

    def batch(self, step: int) -> tuple[NDArray[np.generic], Labels]:
        """Pictures (batch, 3, side, side), uint8 or, at half size, float32; and who is seen."""
        stage = self._stage
        self._named = step >= stage.named * stage.plan.steps
        begin, end = (share * stage.plan.steps for share in stage.margin)
        self._margin = _MARGIN * min(1.0, max(0.0, (step - begin) / (end - begin)))
        images, people = batch(self._images, self._sides, stage.plan.batch, stage.plan.seed, step)
        return (halved(torch.from_numpy(images)).numpy() if stage.half else images), people

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
        penalty = own - self._margin * math.sin(self._margin)
        widened = torch.where(own > math.cos(math.pi - self._margin), widened, penalty)
        return nn.functional.cross_entropy(cosine.scatter(1, truth[:, None], widened) * _SCALE, truth)

    def check(self, network: nn.Module) -> str:
        """TAR at FAR 0.1 % on validation people, seen at the size of the stage."""
        assert isinstance(network, Student)
        student = network.eval()
        answers = embeddings(lambda image: student.embed(halved(image) if self._stage.half else image), self._checked)
        return f"TAR at FAR {FALSE_ACCEPT_RATE:g} {true_accept_rate(pairs(answers), FALSE_ACCEPT_RATE):.4f}"


def halved(images: Tensor) -> Tensor:
    """Pictures of half the size, (n, 3, h/2, w/2) in float32."""
    return nn.functional.avg_pool2d(images.float(), 2)


@torch.no_grad()
def embeddings(network: Callable[[Tensor], Tensor], images: Images) -> NDArray[np.float32]:
    """What `network` makes of pictures (n, 3, 112, 112): embeddings (n, 128)."""
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


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=FIRST.plan.steps, help="with pictures of half the size")
    parser.add_argument("--whole-steps", type=int, default=SECOND.plan.steps, help="then with whole pictures")
    parser.add_argument("--identities", type=int, default=IDENTITIES, help="people of the training set")
    parser.add_argument("--sides", type=int, default=SIDES, help="pictures of each of them, 63 at most")
    parser.add_argument("--threads", type=int, help="processor cores to compute on; default: all")
    parser.add_argument("--workers", type=int, default=2, help="processes that render the training pictures")
    parser.add_argument("--cache-dir", type=Path, default=training_cache("face_verify"))
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    images = training_set(given.cache_dir, given.identities, given.sides, given.workers)
    student = Student(untrained(FIRST.plan.seed), given.identities, FIRST.plan.seed)
    for asked, steps in ((FIRST, given.steps), (SECOND, given.whole_steps)):
        stage = replace(asked, plan=replace(asked.plan, steps=steps))
        train(student, Likeness(images, given.sides, stage), stage.plan, given.cache_dir / stage.checkpoint)


if __name__ == "__main__":
    main()
