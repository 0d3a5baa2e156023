"""Weights and evaluation data stay small enough to live in the repository (decisions.md, 10)."""

from __future__ import annotations

import subprocess

from .building import ROOT

# ResNet-50 takes 23 of them (docs/decisions.md).
MOST_BYTES = 42 << 20


def test_weights_and_evaluation_data_keep_their_budget() -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "models", "results/reference"], cwd=ROOT, capture_output=True)
    assert listed.returncode == 0, listed.stderr.decode()
    files = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    sizes = {str(file.relative_to(ROOT)): file.stat().st_size for file in files if file.suffix != ".py"}
    assert len(sizes) > 5
    assert sum(sizes.values()) <= MOST_BYTES, sorted(sizes.items(), key=lambda entry: -entry[1])[:5]
