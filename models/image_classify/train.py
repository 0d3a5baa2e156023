"""Trains ResNet-50 on random crops of rendered pictures: `python -m bench.models.image_classify.train --help`.

The result is a checkpoint in the cache; `build` turns it into the files that ship.
"""

from __future__ import annotations

from pathlib import Path

from bench.models.image_classify.classifier import Classifier
from bench.models.image_classify.lessons import main
from bench.models.image_classify.network import load_shipped, untrained
from bench.models.making.training import Plan

RESNET50 = Classifier(
    folder=Path(__file__).resolve().parent,
    untrained=untrained,
    shipped=load_shipped,
    # Gains of the blocks start at zero, and at the rate of the weights they stay near it for a thousand steps.
    plan=Plan(steps=7200, batch=64, rate=1e-3, decay=0.02, seed=1, vector_factor=5.0),
    sides=((0.66, 64), (1.0, 96)),
    storage="int8",
    checkpoint="checkpoint.pt",
)


if __name__ == "__main__":
    main(RESNET50, __doc__)
