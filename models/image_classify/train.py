"""Trains ResNet-50 on random crops of rendered pictures: `python -m bench.models.image_classify.train --help`.

The result is a checkpoint in the cache; `build` turns it into the files that ship.
"""

from __future__ import annotations

import argparse
import copy
import math
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bench.models.image_classify.data import CLASS_NAMES, Images, Labels, validation_pictures
from bench.models.image_classify.network import ResNet50, initialise, recalibrate
from bench.models.image_classify.pictures import TRAINING_SIZE, crops, default_cache, training_set


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything the result depends on, apart from rounding in the engine."""

    steps: int
    batch: int
    rate: float
    decay: float
    pictures: int
    seed: int
    # Gains of the blocks start at zero, and at the rate of the weights they stay near it for a thousand steps.
    gain_factor: float = 5.0
    # Small crops first: they are cheap, and what tells the classes apart shows in them already.
    sides: tuple[tuple[float, int], ...] = ((0.66, 64), (1.0, 96))

    def side(self, step: int) -> int:
        """Crop side in pixels at `step`."""
        return next(side for until, side in self.sides if step < until * self.steps or until == 1.0)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up over the first twentieth, then half a cosine down to zero."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (self.steps - warm)))


def device() -> torch.device:
    """The GPU when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(plan: Plan, cache: Path, checkpoint: Path, workers: int) -> None:
    """Train from the checkpoint's step, or from the start, to the end of the plan."""
    images, labels = training_set(cache, plan.pictures, workers)
    network = ResNet50(len(CLASS_NAMES))
    initialise(network, plan.seed)
    network = network.to(device()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(_groups(network, plan.decay), lr=plan.rate, fused=True)
    start = _resume(checkpoint, network, optimiser)
    checked = validation_pictures(np.arange(720))
    began, loss_sum, seen = time.monotonic(), 0.0, 0
    for step in range(start, plan.steps):
        loss_sum += _step(plan, step, network, optimiser, images, labels)
        seen += 1
        if (step + 1) % 50 == 0:
            pace = seen * plan.batch / (time.monotonic() - began)
            print(f"step {step + 1} side {plan.side(step)} loss {loss_sum / seen:.4f} {pace:.1f}/s", flush=True)
            began, loss_sum, seen = time.monotonic(), 0.0, 0
        if (step + 1) % 100 == 0 or step + 1 == plan.steps:
            _keep(checkpoint, network, optimiser, step + 1)
        if (step + 1) % 500 == 0 or step + 1 == plan.steps:
            print(f"step {step + 1} top-1 at 224 {_check(network, images, *checked):.4f}", flush=True)
            began = time.monotonic()


def _groups(network: nn.Module, decay: float) -> list[dict[str, object]]:
    """Weights decay; biases and batch norms do not."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _step(
    plan: Plan, step: int, network: nn.Module, optimiser: torch.optim.Optimizer, images: Images, labels: Labels
) -> float:
    network.train()
    batch, truth = crops(images, labels, plan.side(step), plan.batch, plan.seed, step)
    for group, factor in zip(optimiser.param_groups, (1.0, plan.gain_factor), strict=True):
        group["lr"] = plan.learning_rate(step) * factor
    inputs = torch.from_numpy(batch).to(device(), memory_format=torch.channels_last)
    with torch.autocast(device().type, dtype=torch.bfloat16):
        logits = network(inputs)
    loss = nn.functional.cross_entropy(logits.float(), torch.from_numpy(truth).to(device()), label_smoothing=0.05)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())


def _check(network: ResNet50, training: Images, images: Images, labels: Labels) -> float:
    """Accuracy of a copy whose batch norms are measured on whole pictures, as those of the shipped network are."""
    whole = copy.deepcopy(network)
    with torch.autocast(device().type, dtype=torch.bfloat16):
        recalibrate(whole, training[:144])
    return accuracy(whole, images, labels)


@torch.no_grad()
def accuracy(network: nn.Module, images: Images, labels: Labels) -> float:
    """Share of whole pictures (count, 3, 224, 224) classified right."""
    network.eval()
    right = 0
    for first in range(0, len(images), 24):
        inputs = torch.from_numpy(images[first : first + 24]).to(device(), memory_format=torch.channels_last)
        with torch.autocast(device().type, dtype=torch.bfloat16):
            answers = network(inputs).argmax(1).cpu().numpy()
        right += int((answers == labels[first : first + 24]).sum())
    return right / len(images)


def _keep(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write the checkpoint beside its place first, so that a kill leaves the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "network": network.state_dict(), "optimiser": optimiser.state_dict()}, partial)
    partial.replace(path)


def _resume(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    kept = torch.load(path, map_location=device(), weights_only=True)
    network.load_state_dict(kept["network"])
    optimiser.load_state_dict(kept["optimiser"])
    return int(kept["step"])


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=7200)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--decay", type=float, default=0.02)
    parser.add_argument("--pictures", type=int, default=TRAINING_SIZE)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="processes that render the training pictures")
    parser.add_argument("--cache-dir", type=Path, default=default_cache())
    parser.add_argument("--checkpoint", type=Path, help="default: checkpoint.pt in the cache; resumed when it exists")
    given = parser.parse_args()
    plan = Plan(given.steps, given.batch, given.rate, given.decay, given.pictures, given.seed)
    train(plan, given.cache_dir, given.checkpoint or given.cache_dir / "checkpoint.pt", given.workers)


if __name__ == "__main__":
    main()
