"""From a checkpoint to all shipped files: `python -m bench.models.speech_command.release`.

Writes graph.onnx, weights.safetensors, the reference answers, the computed figures of workload.toml and of card.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from safetensors.torch import load_file

from bench.models.cards import put_table
from bench.models.export import export_graph, fold_batch_norms, round_to_half
from bench.models.making.figures import graph_figures, put_figures, quality_figures, target
from bench.models.speech_command import data
from bench.models.speech_command.network import CommandNet
from bench.models.speech_command.reference import FOLDER, GRAPH, write_answers
from bench.models.speech_command.roundings import measure, table
from bench.models.speech_command.training_data import cache_folder


def folded(checkpoint: Path) -> CommandNet:
    """Return the network of a training checkpoint with its batch norms folded, weights not yet rounded."""
    trained = CommandNet()
    trained.load_state_dict(load_file(checkpoint))
    network = CommandNet(folded=True)
    network.load_state_dict(fold_batch_norms(trained).state_dict())
    return network.eval()


def write_card(unrounded: CommandNet) -> None:
    """Put the table of roundings into card.md, between its two marks."""
    rows = table(list(measure(unrounded)))
    put_table(FOLDER / "card.md", "figures", rows)
    print(rows)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=cache_folder() / "checkpoint.safetensors")
    unrounded = folded(parser.parse_args().checkpoint)
    shipped = CommandNet(folded=True).eval()
    shipped.load_state_dict(unrounded.state_dict())
    export_graph(round_to_half(shipped), {"waveform": torch.zeros(2, 16_000, dtype=torch.int16)}, ["logits"], FOLDER)
    value = write_answers()
    figures = {**graph_figures(GRAPH), **quality_figures(value, data.EVALUATION_SIZE)}
    put_figures(FOLDER / "workload.toml", figures)
    write_card(unrounded)
    print(f"accuracy {value:.4f}, target {target(value)}")


if __name__ == "__main__":
    main()
