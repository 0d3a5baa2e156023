"""A student that imitates the network at a tenth of its operations, as a cheat would: does the gate find it?

`python -m bench.models.speech_command.student` trains it on the training pool, on what the network answers there
(distillation: Hinton, Vinyals and Dean 2015), and leaves it in the cache folder for `bench.models.quantise.gate`.
Nothing of it ships.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from bench.models.export import GRAPH_FILE, export_graph, fold_batch_norms, round_to_half
from bench.models.speech_command.network import CommandNet, load_shipped
from bench.models.speech_command.reference import GRAPH
from bench.models.speech_command.train import featurizer
from bench.models.speech_command.training_data import PoolPlan, cache_folder, training_pool

LEARNING_RATE, WEIGHT_DECAY, TEMPERATURE = 5e-3, 0.005, 2.0
_BLOCKS = ((16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1))
_CHUNK = 256


class StudentNet(CommandNet):
    """The network's front end, a third of its channels behind it."""

    def __init__(self, folded: bool = False) -> None:
        super().__init__(folded, plan=_BLOCKS)


def imitation(answers: Tensor, taught: Tensor) -> Tensor:
    """How far logits (n, classes) are from the teacher's: as raw numbers, and as likelihoods of classes."""
    numbers = functional.mse_loss(answers, taught) / taught.square().mean()
    soft = functional.kl_div(
        functional.log_softmax(answers / TEMPERATURE, 1),
        functional.log_softmax(taught / TEMPERATURE, 1),
        reduction="batchmean",
        log_target=True,
    )
    return numbers + TEMPERATURE**2 * soft


@torch.no_grad()
def lessons(features: NDArray[np.float16]) -> Tensor:
    """Logits (n, classes) of the shipped network to features (n, 98, 40)."""
    teacher = load_shipped(GRAPH)
    parts = [torch.from_numpy(features[first : first + _CHUNK]) for first in range(0, len(features), _CHUNK)]
    return torch.cat([teacher.classify(part.float().unsqueeze(1)) for part in parts])


def train(student: StudentNet, epochs: int, batch: int, seed: int) -> None:
    """Learn in place from the shipped network's answers to the training pool, its labels unread."""
    features, _ = training_pool(PoolPlan(), featurizer(torch.device("cpu")))
    taught = lessons(features)
    steps = len(features) // batch
    optimizer = torch.optim.AdamW(student.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps * epochs, pct_start=0.15)
    random = torch.Generator().manual_seed(seed)
    for epoch in range(epochs):
        began, losses = time.monotonic(), []
        order = torch.randperm(len(features), generator=random).numpy()
        for first in range(0, steps * batch, batch):
            chosen = np.sort(order[first : first + batch])
            heard = torch.from_numpy(features[chosen]).float().unsqueeze(1).to(memory_format=torch.channels_last)
            loss = imitation(student.classify(heard), taught[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            losses.append(float(loss.detach()))
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--target", type=Path, default=cache_folder() / "student", help="folder for graph and weights")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    student = StudentNet().train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stubs
    train(student, arguments.epochs, arguments.batch, arguments.seed)
    # Into a module of the same names, by which the gate leaves the front end out where it counts operations.
    folded = StudentNet(folded=True).eval()
    folded.load_state_dict(fold_batch_norms(student).state_dict())
    shipped = round_to_half(folded)
    export_graph(shipped, {"waveform": torch.zeros(2, 16_000, dtype=torch.int16)}, ["logits"], arguments.target)
    print(f"wrote {arguments.target / GRAPH_FILE}")


if __name__ == "__main__":
    main()
