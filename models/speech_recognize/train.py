"""Trains the recogniser: `python -m bench.models.speech_recognize.train --help`.

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
from torch.nn import functional

from bench.models.making.cache import training_cache
from bench.models.making.training import Plan, device, train
from bench.models.speech_recognize.data import CONDITIONS
from bench.models.speech_recognize.network import Recogniser
from bench.models.speech_recognize.training_data import (
    IGNORED,
    Batch,
    Speakers,
    speakers,
    validation_speakers,
)
from bench.models.speech_recognize.utterances import FRAME
from bench.scoring.transcription import transcript
from bench.tasks.recognise import TEXT, best_path

PLAN = Plan(steps=4600, batch=16, rate=1.5e-3, decay=0.03, seed=1, check_every=400, most_gradient=4.0)
# Seconds of sound in a step, and up to which share of the steps the longest utterances grow to five seconds.
_SECONDS, _GROWN = 52.0, 0.15
# Where each character is heard is known here, and teaches faster than the text alone; the help ends at this share.
_HELPED = 0.4
_DROPOUT = 0.1
_CHECKED, _CHECK_BATCH = 240, 16


class Student(nn.Module):
    """The network in training: scores of characters, some bands and spans of the log-mel hidden."""

    def __init__(self, network: Recogniser) -> None:
        super().__init__()
        self.network = network

    def forward(self, waveform: Tensor, length: Tensor) -> Tensor:
        """Waveform int16 (n, t) and length int64 (n,) to scores (n, t / 640, classes)."""
        with torch.no_grad(), torch.autocast(waveform.device.type, enabled=False):
            features = _hide(self.network.log_mel(waveform))
        scores: Tensor = self.network.scores(features.to(memory_format=torch.channels_last), length)
        return scores


def _hide(features: Tensor) -> Tensor:
    """Hide two spans of up to 0.12 s and two of up to 5 bands in each of (n, 1, t, mels) behind the quietest value."""
    count, _, frames, mels = features.shape
    hidden = torch.zeros(count, 1, frames, mels, dtype=torch.bool, device=features.device)
    for size, longest, shape in ((frames, 13, (1, -1, 1)), (mels, 6, (1, 1, -1))):
        for _ in range(2):
            start, width = torch.randint(0, size, (count, 1)), torch.randint(0, longest, (count, 1))
            place = torch.arange(size)
            hidden |= ((place >= start) & (place < start + width)).reshape(count, *shape).to(features.device)
    return torch.where(hidden, features.amin(dim=(2, 3), keepdim=True), features)


class Transcription:
    """Utterances of the training voices, and the loss of connectionist temporal classification."""

    def __init__(self, spoken: Speakers, heldout: Batch, plan: Plan) -> None:
        self._spoken, self._heldout, self._plan = spoken, heldout, plan
        self._step = 0

    def batch(self, step: int) -> tuple[tuple[NDArray[np.generic], ...], NDArray[np.int64]]:
        """(waveform, length), and side by side length, what is heard at each frame, and text: (n, 1 + t + most)."""
        self._step = step
        torch.manual_seed(self._plan.seed + step)  # of dropout and what is hidden: a step is repeatable by itself
        longest = min(5.0, 2.5 + 2.5 * step / (_GROWN * self._plan.steps))
        made = self._spoken.batch(step, _SECONDS, longest)
        return (made.waveform, made.length), np.concatenate([made.length[:, None], made.heard, made.text], axis=1)

    def loss(self, outputs: Tensor, truth: Tensor) -> Tensor:
        """The CTC loss per character and, to begin with, cross-entropy of what is heard."""
        scores, frames = outputs.float(), outputs.shape[1]
        text = truth[:, 1 + frames :]
        loss = functional.ctc_loss(
            torch.log_softmax(scores, dim=2).transpose(0, 1),
            text,
            -(-truth[:, 0] // FRAME),
            (text > 0).sum(dim=1),
            zero_infinity=True,
        )
        share = max(0.0, 1.0 - self._step / (_HELPED * self._plan.steps))
        if share:
            heard = truth[:, 1 : 1 + frames].flatten()
            loss = loss + share * functional.cross_entropy(scores.flatten(0, 1), heard, ignore_index=IGNORED)
        return loss

    def check(self, network: nn.Module) -> str:
        """Share of characters wrong on held-out voices."""
        assert isinstance(network, Student)
        return f"character error rate on held-out voices {error_rate(network.network, self._heldout):.4f}"


@torch.no_grad()
def error_rate(network: Recogniser, batch: Batch) -> float:
    """Edits per character of `batch`, by greedy decoding."""
    network.eval()
    texts = []
    for first in range(0, len(batch.length), _CHECK_BATCH):
        rows = slice(first, first + _CHECK_BATCH)
        given = (torch.from_numpy(array[rows]).to(device()) for array in (batch.waveform, batch.length))
        texts.append(best_path({"log_probs": network(*given).float().cpu().numpy()})[TEXT].astype(np.int64))
    found = transcript(np.concatenate(texts), np.where(batch.text > 0, batch.text, -1))
    return float(found.edits.sum() / found.lengths.sum())


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=PLAN.steps)
    parser.add_argument("--threads", type=int, help="processor cores to compute on; default: all")
    parser.add_argument("--cache-dir", type=Path, default=training_cache("speech_recognize"))
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    plan = replace(PLAN, steps=given.steps)
    torch.manual_seed(plan.seed)
    student = Student(Recogniser(dropout=_DROPOUT))
    heldout = validation_speakers(given.cache_dir, CONDITIONS).samples(_CHECKED)
    train(student, Transcription(speakers(given.cache_dir), heldout, plan), plan, given.cache_dir / "checkpoint.pt")


if __name__ == "__main__":
    main()
