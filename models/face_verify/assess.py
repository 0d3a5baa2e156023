"""Prints the figures of card.md: TAR at FAR 0.1 % with rounded weights, and where genuine pairs are refused.

Run `python -m bench.models.face_verify.assess`; it writes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file
from torch import nn

from bench.models.face_verify.build import GRAPH, REFERENCE, samples, trained
from bench.models.face_verify.data import EVALUATION_IDENTITIES, moments_of
from bench.models.face_verify.network import load_shipped
from bench.models.face_verify.pictures import IDENTITIES, SIDES, training_set
from bench.models.face_verify.train import SECOND, embeddings, pairs
from bench.models.making.cache import training_cache
from bench.models.making.roundings import rounded
from bench.scoring.verification import accepted_genuine, rate_interval, threshold_at, true_accept_rate
from bench.tasks.verify import FALSE_ACCEPT_RATE


def _variants(
    checkpoint: Path, cache: Path, identities: int, sides: int, count: int
) -> Iterator[tuple[str, nn.Module]]:
    if checkpoint.exists():
        yield "fp32, before rounding to int8", trained(checkpoint, training_set(cache, identities, sides, 2)[:count])
    network = load_shipped(GRAPH)
    yield "as shipped", network
    for bits, per_channel in ((8, False), (4, True), (4, False)):
        unit = "channel" if per_channel else "tensor"
        yield f"{bits} bits, one scale per {unit}", rounded(network, bits, per_channel)


def print_refused() -> None:
    """Print the threshold of the reference, and how often genuine pairs are refused under which circumstances."""
    compared = pairs(load_file(REFERENCE / "outputs.safetensors")["embedding"])
    refused = ~accepted_genuine(compared, FALSE_ACCEPT_RATE)
    print(f"threshold {threshold_at(compared, FALSE_ACCEPT_RATE):.4f}, refused {refused.sum()} of {len(refused)}")
    moment = moments_of(np.arange(EVALUATION_IDENTITIES))
    for name, chosen in {
        "a mask": moment["mask"] > 0,
        "glasses": moment["glasses"] > 0,
        "turned by more than 20 degrees": np.abs(moment["yaw"]) > 0.35,
        "neither": (moment["mask"] <= 0) & (moment["glasses"] <= 0) & (np.abs(moment["yaw"]) <= 0.35),
    }.items():
        print(f"with {name}: {refused[chosen].mean():.4f} of {chosen.sum()}")


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache-dir", type=Path, default=training_cache("face_verify"))
    parser.add_argument("--checkpoint", type=Path, help="default: the training's, in the cache, if there")
    parser.add_argument("--identities", type=int, default=IDENTITIES, help="people of the rendered training set")
    parser.add_argument("--sides", type=int, default=SIDES)
    parser.add_argument("--recalibrate", type=int, default=1200)
    parser.add_argument("--count", type=int, default=EVALUATION_IDENTITIES, help="evaluation people")
    given = parser.parse_args()
    print_refused()
    images = samples(np.arange(2 * given.count))
    checkpoint = given.checkpoint or given.cache_dir / SECOND.checkpoint
    for name, network in _variants(checkpoint, given.cache_dir, given.identities, given.sides, given.recalibrate):
        compared = pairs(embeddings(network.eval(), images))
        rate, interval = true_accept_rate(compared, FALSE_ACCEPT_RATE), rate_interval(compared, FALSE_ACCEPT_RATE)
        print(f"{name:32} {rate:.4f} [{interval.low:.4f}, {interval.high:.4f}] of {given.count} people", flush=True)


if __name__ == "__main__":
    main()
