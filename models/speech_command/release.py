"""From a checkpoint to all shipped files: `python -m bench.models.speech_command.release`.

Writes graph.onnx, weights.safetensors, the reference answers, the computed figures of workload.toml and of card.md.
"""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

import torch
from safetensors.torch import load_file

from bench.models.export import export_graph, fold_batch_norms, round_to_half
from bench.models.graph import graph_statistics, model_hash
from bench.models.speech_command import data
from bench.models.speech_command.network import CommandNet
from bench.models.speech_command.reference import FOLDER, GRAPH, write_reference
from bench.models.speech_command.roundings import measure, table
from bench.models.speech_command.training_data import cache_folder

_TARGET_SHARE = 0.99
_FIGURES = re.compile(r"(<!-- figures -->\n).*?(<!-- end of figures -->)", re.DOTALL)


def folded(checkpoint: Path) -> CommandNet:
    """Return the network of a training checkpoint with its batch norms folded, weights not yet rounded."""
    trained = CommandNet()
    trained.load_state_dict(load_file(checkpoint))
    network = CommandNet(folded=True)
    network.load_state_dict(fold_batch_norms(trained).state_dict())
    return network.eval()


def target(value: float) -> float:
    """Return the absolute target: 99 % of the reference, rounded down to three digits."""
    return math.floor(value * _TARGET_SHARE * 1000) / 1000


def write_figures(value: float) -> None:
    """Put what is computed from the graph and the reference into workload.toml."""
    statistics = graph_statistics(GRAPH)
    figures = {
        "model_hash": f'"{model_hash(GRAPH)}"',
        "parameters": f"{statistics.parameters}",
        "macs_per_sample": f"{statistics.macs_per_sample}",
        "target": f"{target(value)}",
        "evaluation_samples": f"{data.EVALUATION_SIZE}",
    }
    path = FOLDER / "workload.toml"
    text = path.read_text(encoding="utf-8")
    for key, figure in figures.items():
        text, count = re.subn(rf"(?m)^{key} = .*$", f"{key} = {figure}", text)
        if count != 1:
            raise ValueError(f"workload.toml has {count} lines `{key} = …`; expected one")
    path.write_text(text, encoding="utf-8")


def write_card(unrounded: CommandNet) -> None:
    """Put the table of roundings into card.md, between its two marks."""
    path = FOLDER / "card.md"
    rows = table(list(measure(unrounded)))
    text = _FIGURES.sub(lambda match: f"{match[1]}{rows}\n{match[2]}", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    print(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=cache_folder() / "checkpoint.safetensors")
    unrounded = folded(parser.parse_args().checkpoint)
    shipped = CommandNet(folded=True).eval()
    shipped.load_state_dict(unrounded.state_dict())
    export_graph(round_to_half(shipped), {"waveform": torch.zeros(2, 16_000, dtype=torch.int16)}, ["logits"], FOLDER)
    value = write_reference()
    write_figures(value)
    write_card(unrounded)
    print(f"accuracy {value:.4f}, target {target(value)}")


if __name__ == "__main__":
    main()
