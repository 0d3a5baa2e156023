"""Trains the network: `python -m bench.models.speech_command.train`; on to the shipped files with `release`.

Everything random here comes from `--seed`: with the same cached clips, machine and thread count a run repeats.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from bench.models.speech_command.network import CommandNet, LogMel
from bench.models.speech_command.training_data import Featurize, PoolPlan, cache_folder, training_pool

LEARNING_RATE, WEIGHT_DECAY, SMOOTHING, AVERAGING = 3e-3, 0.02, 0.05, 0.999


def featurizer(device: torch.device) -> Featurize:
    """Return the network's own front end as a function, int16 (n, 16000) to float16 (n, 98, 40)."""
    front = LogMel().to(device).eval()

    def featurize(waves: NDArray[np.int16]) -> NDArray[np.float16]:
        with torch.no_grad():
            features = front(torch.from_numpy(waves).to(device))
        return np.asarray(features[:, 0].half().cpu().numpy())

    return featurize


def augment(features: Tensor, random: torch.Generator) -> Tensor:
    """Mask one band and one span, shift level a little: float32 (n, 1, 98, 40) to the same."""
    count, _, frames, mels = features.shape

    def draw(high: int) -> Tensor:
        return torch.randint(0, high, (count, 1), generator=random).to(features.device)

    time_axis = torch.arange(frames, device=features.device)
    band_axis = torch.arange(mels, device=features.device)
    start, width = draw(frames), draw(13)
    in_span = (time_axis >= start) & (time_axis < start + width)
    start, width = draw(mels), draw(7)
    in_band = (band_axis >= start) & (band_axis < start + width)
    hidden = in_span[:, None, :, None] | in_band[:, None, None, :]
    floor = features.amin(dim=(2, 3), keepdim=True)
    return torch.where(hidden, floor, features)


def train(network: nn.Module, arguments: argparse.Namespace, device: torch.device) -> None:
    """Run all epochs; after each, write the moving average of the weights to the checkpoint."""
    plan = replace(PoolPlan(), samples=arguments.samples)
    features, labels = training_pool(plan, featurizer(device))
    steps = len(labels) // arguments.batch * arguments.epochs
    optimizer = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, LEARNING_RATE, steps, pct_start=0.15)
    average = torch.optim.swa_utils.get_ema_multi_avg_fn(AVERAGING)  # type: ignore[no-untyped-call]
    averaged = torch.optim.swa_utils.AveragedModel(network, multi_avg_fn=average, use_buffers=True)
    random = torch.Generator().manual_seed(arguments.seed)
    for epoch in range(arguments.epochs):
        began, losses = time.monotonic(), []
        order = torch.randperm(len(labels), generator=random).numpy()
        for low in range(0, len(labels) - arguments.batch + 1, arguments.batch):
            chosen = np.sort(order[low : low + arguments.batch])
            batch = torch.from_numpy(features[chosen]).to(device).float().unsqueeze(1)
            target = torch.from_numpy(labels[chosen]).to(device)
            losses.append(_step(network, optimizer, augment(batch, random), target))
            schedule.step()
            averaged.update_parameters(network)
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}, {time.monotonic() - began:.0f} s", flush=True)
        state = averaged.module.state_dict()
        save_file({name: value.contiguous().cpu() for name, value in state.items()}, arguments.checkpoint)


def _step(network: nn.Module, optimizer: torch.optim.Optimizer, batch: Tensor, target: Tensor) -> float:
    batch = batch.to(memory_format=torch.channels_last)
    # On a CPU the depthwise layers are slower in bfloat16 than in float32.
    with torch.autocast(batch.device.type, torch.bfloat16, enabled=batch.device.type == "cuda"):
        logits = network.classify(batch)  # type: ignore[operator]  # nn.Module attributes have no type
        loss = functional.cross_entropy(logits, target, label_smoothing=SMOOTHING)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--samples", type=int, default=PoolPlan().samples, help="size of the training pool")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--checkpoint", type=Path, default=cache_folder() / "checkpoint.safetensors")
    arguments = parser.parse_args()
    torch.manual_seed(arguments.seed)
    torch.backends.cudnn.deterministic = True
    device = torch.device(arguments.device)
    network = CommandNet().to(device).train()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stubs
    train(network, arguments, device)
    print(f"wrote {arguments.checkpoint}")


if __name__ == "__main__":
    main()
