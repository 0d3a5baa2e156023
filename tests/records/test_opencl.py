"""A layer's share of the roofline against times worked out by hand."""

from __future__ import annotations

import pytest

from bench.records.opencl import Layer, Trace


def test_share_of_the_roofline() -> None:
    compute = Layer(label="conv", kernel="conv", ns=2_000.0, macs=500_000, nbytes=1_000)
    move = Layer(label="map", kernel="map", ns=1_000.0, nbytes=20_000)
    cached = Layer(label="map", kernel="map", ns=1_000.0, nbytes=90_000)
    nothing = Layer(label="pool", kernel="pool", ns=10.0)
    trace = Trace(device="", samples=1, rounds=1, round_ns=1.0, layers=(), ops_per_s=1e12, bytes_per_s=40e9)
    assert trace.share_of_roof(compute) == pytest.approx(0.5)  # 1 us of products, and less of memory
    assert trace.share_of_roof(move) == pytest.approx(0.5)  # 0.5 us of memory
    assert trace.share_of_roof(cached) == pytest.approx(2.25)
    assert trace.share_of_roof(nothing) is None
    bare = Trace(device="", samples=1, rounds=1, round_ns=1.0, layers=())
    assert bare.share_of_roof(compute) is None
