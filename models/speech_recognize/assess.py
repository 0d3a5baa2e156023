"""Prints the figures of card.md: characters right with rounded weights, and who is misheard and how.

Run `python -m bench.models.speech_recognize.assess`; it writes nothing.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bench.models.making.cache import training_cache
from bench.models.making.roundings import rounded
from bench.models.speech_recognize.build import GRAPH, REFERENCE, OneByOne, trained
from bench.models.speech_recognize.data import EVALUATION_SIZE, evaluation_inputs, evaluation_labels, evaluation_voice
from bench.models.speech_recognize.network import load_shipped
from bench.models.speech_recognize.words import CHARACTERS
from bench.models.suite import load_workload
from bench.scoring.transcription import accuracy_interval, transcript
from bench.tasks.recognise import TEXT, best_path

_BATCH = 16
Texts = NDArray[np.int64]


def _variants(checkpoint: Path) -> Iterator[tuple[str, nn.Module]]:
    if checkpoint.exists():
        yield "fp32, before rounding to int8", trained(checkpoint)
    network = load_shipped(GRAPH)
    yield "as shipped", network
    for bits, per_channel in ((8, False), (4, True), (4, False)):
        unit = "channel" if per_channel else "tensor"
        yield f"{bits} bits, one scale per {unit}", rounded(network, bits, per_channel)


@torch.no_grad()
def _texts(network: nn.Module, count: int) -> Texts:
    answering, parts = OneByOne(network), []
    for first in range(0, count, _BATCH):
        inputs = evaluation_inputs(np.arange(first, min(first + _BATCH, count)))
        answers = answering(*(torch.from_numpy(array) for array in inputs.values()))
        parts.append(best_path({"log_probs": answers.numpy()})[TEXT].astype(np.int64))
    return np.concatenate(parts)


def _print_mishearings(answered: Texts, said: Texts) -> None:
    """Print errors by voice, and what is most often taken for what."""
    import jiwer

    found = transcript(answered, said)
    voices = np.array([evaluation_voice(index) for index in range(len(said))])
    print(f"utterances without an error: {np.mean(found.edits == 0):.4f}")
    rates = {name: found.edits[voices == name].sum() / found.lengths[voices == name].sum() for name in set(voices)}
    for name, rate in sorted(rates.items(), key=lambda entry: -entry[1]):
        print(f"{name}: {rate:.4f} of the characters of {np.sum(voices == name)} utterances wrong")
    taken: Counter[tuple[str, str]] = Counter()
    for one, other in zip(_readable(said), _readable(answered), strict=True):
        for chunk in jiwer.process_characters(one, other).alignments[0]:
            if chunk.type != "equal":
                pair = one[chunk.ref_start_idx : chunk.ref_end_idx], other[chunk.hyp_start_idx : chunk.hyp_end_idx]
                taken[pair] += 1
    print(", ".join(f"{one or '–'} → {other or '–'} {count}" for (one, other), count in taken.most_common(20)))


def _readable(texts: Texts) -> list[str]:
    return ["".join(CHARACTERS[number - 1] for number in row if number > 0) for row in texts]


def main() -> None:
    """Parse the command line and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=training_cache("speech_recognize") / "checkpoint.pt")
    parser.add_argument("--count", type=int, default=EVALUATION_SIZE, help="evaluation samples")
    given = parser.parse_args()
    said = evaluation_labels(np.arange(given.count)).astype(np.int64)
    for name, network in _variants(given.checkpoint):
        found = transcript(_texts(network, given.count), said)
        interval = accuracy_interval(found)
        print(f"{name}: {found.accuracy:.4f} ({interval.low:.4f} to {interval.high:.4f})", flush=True)
    reference = load_workload(REFERENCE.name).reference()
    assert reference is not None
    _print_mishearings(reference.answers[TEXT].astype(np.int64)[: given.count], said)


if __name__ == "__main__":
    main()
