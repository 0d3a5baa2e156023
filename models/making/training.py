"""The loop of a training that can be killed and goes on: AdamW with one cosine, progress, checks, checkpoints.

What is learned comes from a `Lesson`; the same plan, lesson and number of threads give the same network again.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_PROGRESS_EVERY, _KEPT_EVERY = 50, 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What the result depends on beside the lesson and rounding in the engine."""

    steps: int
    batch: int
    rate: float
    decay: float
    seed: int
    # The learning rate of gains and biases as a multiple of the weights'.
    vector_factor: float = 1.0
    # GPUs always compute in bfloat16; on a CPU the depthwise convolutions may be slower in it.
    bfloat16_on_cpu: bool = True
    check_every: int = 500

    def learning_rate(self, step: int) -> float:
        """Linear warm-up over the first twentieth, then half a cosine down to zero."""
        warm = max(1, self.steps // 20)
        if step < warm:
            return self.rate * (step + 1) / warm
        return self.rate * 0.5 * (1 + math.cos(math.pi * (step - warm) / (self.steps - warm)))

    def precision(self) -> torch.autocast:
        """The context in which the network computes."""
        kind = device().type
        return torch.autocast(kind, dtype=torch.bfloat16, enabled=kind != "cpu" or self.bfloat16_on_cpu)


class Lesson(Protocol):
    """What is learned."""

    def batch(self, step: int) -> tuple[NDArray[np.generic], NDArray[np.generic]]:
        """Inputs (n, …) and truth (n, …) of one step, a function of the step alone."""

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """The scalar to make small, in float32."""

    def check(self, network: nn.Module) -> str:
        """What the network can do by now, for people; leaves it as it is but for its mode."""


def device() -> torch.device:
    """The GPU when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(network: nn.Module, lesson: Lesson, plan: Plan, checkpoint: Path) -> None:
    """Train from the step of `checkpoint`, or from the start where there is none, to the end of the plan."""
    network = network.to(device()).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(_groups(network, plan), lr=plan.rate, fused=True)
    start = _resume(checkpoint, network, optimiser)
    began, loss_sum, seen = time.monotonic(), 0.0, 0
    for step in range(start, plan.steps):
        loss_sum += _step(network, lesson, plan, step, optimiser)
        seen += 1
        done, last = step + 1, step + 1 == plan.steps
        if done % _PROGRESS_EVERY == 0:
            pace = seen * plan.batch / (time.monotonic() - began)
            print(f"step {done} of {plan.steps} loss {loss_sum / seen:.4f} {pace:.1f}/s", flush=True)
            began, loss_sum, seen = time.monotonic(), 0.0, 0
        if done % _KEPT_EVERY == 0 or last:
            _keep(checkpoint, network, optimiser, done)
        if done % plan.check_every == 0 or last:
            print(f"step {done} {lesson.check(network)}", flush=True)
            began, loss_sum, seen = time.monotonic(), 0.0, 0


def load_checkpoint(path: Path, network: nn.Module) -> None:
    """Give `network` the weights of a checkpoint that `train` wrote."""
    network.load_state_dict(_read(path)["network"])


def _groups(network: nn.Module, plan: Plan) -> list[dict[str, Any]]:
    """Weights decay; biases and batch norms do not."""
    parameters = list(network.parameters())
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": plan.decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def _step(network: nn.Module, lesson: Lesson, plan: Plan, step: int, optimiser: torch.optim.Optimizer) -> float:
    network.train()
    for group, factor in zip(optimiser.param_groups, (1.0, plan.vector_factor), strict=True):
        group["lr"] = plan.learning_rate(step) * factor
    batch, truth = lesson.batch(step)
    inputs = torch.from_numpy(batch).to(device())
    if inputs.ndim == 4:
        inputs = inputs.to(memory_format=torch.channels_last)
    with plan.precision():
        outputs = network(inputs)
    loss = lesson.loss(outputs, torch.from_numpy(truth).to(device()))
    optimiser.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(loss.detach())


def _keep(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer, step: int) -> None:
    """Write the checkpoint beside its place first, so that a kill leaves the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    torch.save({"step": step, "network": network.state_dict(), "optimiser": optimiser.state_dict()}, partial)
    partial.replace(path)


def _read(path: Path) -> dict[str, Any]:
    kept: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return kept


def _resume(path: Path, network: nn.Module, optimiser: torch.optim.Optimizer) -> int:
    if not path.exists():
        return 0
    kept = _read(path)
    network.load_state_dict(kept["network"])
    optimiser.load_state_dict(kept["optimiser"])
    return int(kept["step"])
