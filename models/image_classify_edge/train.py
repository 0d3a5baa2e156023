"""Trains MobileNetV2 on random crops of rendered pictures: `python -m bench.models.image_classify_edge.train --help`.

The result is a checkpoint in the cache of the pictures; `build` turns it into the files that ship.
"""

from __future__ import annotations

from pathlib import Path

from bench.models.image_classify.classifier import Classifier
from bench.models.image_classify.lessons import main
from bench.models.image_classify_edge.network import load_shipped, untrained
from bench.models.making.training import Plan

MOBILENET = Classifier(
    folder=Path(__file__).resolve().parent,
    untrained=untrained,
    shipped=load_shipped,
    plan=Plan(
        steps=13_000,
        batch=32,
        rate=2e-3,
        decay=0.02,
        seed=1,
        vector_factor=4.0,
        bfloat16_on_cpu=False,
        check_every=1000,
    ),
    sides=((0.7, 64), (1.0, 96)),
    storage="int8",
    checkpoint="checkpoint-edge.pt",
)


if __name__ == "__main__":
    main(MOBILENET, __doc__)
