"""Turns a training checkpoint into what ships: `python -m bench.models.image_classify_edge.build --help`.

Writes graph.onnx, weights.safetensors, the reference answers and the computed lines of workload.toml; it never trains.
"""

from __future__ import annotations

from bench.models.image_classify.build import main
from bench.models.image_classify_edge.train import MOBILENET

if __name__ == "__main__":
    main(MOBILENET, __doc__)
