"""The picture of a trace: a bar for each layer, side by side, as high as it computes and as wide as it takes."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from bench.plots.drawing import style
from bench.plots.trace import Round
from bench.records.opencl import Layer, Trace


def trace(*layers: Layer, peak: float | None = None) -> Trace:
    return Trace(device="<b>card</b>", samples=1, rounds=1, round_ns=1e4, layers=layers, ops_per_s=peak)


LAYERS = (
    Layer(label="in", kernel="copy", ns=1_000.0, nbytes=10),
    Layer(label="a", kernel="conv", ns=4_000.0, macs=200_000),
    Layer(label="b", kernel="conv", ns=5_000.0, macs=1_000_000),
)


def test_bars_are_the_layers() -> None:
    found = Round.of(trace(*LAYERS, peak=5e11))
    assert found is not None
    assert found.ops_per_s.tolist() == pytest.approx([0.0, 1e11, 4e11])
    with style("en"):
        axes = found.draw(Figure().subplots(), "en")
    bars = {(round(bar.get_x(), 6), round(bar.get_width(), 6)): bar.get_height() for bar in axes.patches}  # type: ignore[attr-defined]
    assert set(bars) == {(0.0, 1.0), (1.0, 4.0), (5.0, 5.0)}
    assert bars[1.0, 4.0] == pytest.approx(100.0)
    assert bars[5.0, 5.0] == pytest.approx(400.0)
    assert 0.0 < bars[0.0, 1.0] < 20.0  # computes nothing, and is seen
    labels = [text.get_text() for text in axes.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["peak", "copy  10.0 %", "conv  90.0 %"]


def test_nothing_to_draw() -> None:
    assert Round.of(trace()) is None
    assert Round.of(trace(Layer(label="a", kernel="conv", ns=0.0))) is None
