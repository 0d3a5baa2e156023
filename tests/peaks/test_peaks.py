"""Peaks: networks that compute what they should, small measurements in a process, and their place in a profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import onnx
import onnxruntime
import pytest

from bench.host.engine_answers import NoMoreAnswers
from bench.models.graph import graph_statistics
from bench.peaks import process
from bench.peaks.graphs import inputs, product_model, read_model
from bench.peaks.keeping import NoPlace, with_peaks
from bench.peaks.measuring import peaks, work_of
from bench.peaks.process import PeaksFailed, Request, Shape, measured_peaks, request_for
from bench.records.numbers import Interval
from bench.records.profile import Accelerator, Cache, Cpu, Memory, Peak, Profile
from bench.records.roofline import MeasuredPeak

BARE = Profile(name="a", vendor="v", model="m", machine_class="cpu_server")
SMALL = Request(
    backend="onnxruntime",
    device="cpu",
    threads=1,
    seconds=0.01,
    product=Shape(rows=4, size=32, depth=3),
    read=Shape(rows=1, size=64),
)


@pytest.mark.parametrize("quantised", [False, True])
def test_a_chain_of_products_is_one(tmp_path: Path, quantised: bool) -> None:
    model = product_model(tmp_path / "m.onnx", 64, 4, quantised)
    x = inputs(8, 64)
    (y,) = onnxruntime.InferenceSession(str(model.path)).run(None, {"x": x})
    graph = onnx.load(model.path).graph
    tensors = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    w = tensors["w"] if not quantised else tensors["i0"].astype(np.float64) * tensors["ws"]
    assert y == pytest.approx(x @ np.linalg.matrix_power(w.astype(np.float64), 4), abs=0.5 if quantised else 1e-4)
    assert 0.3 < float(np.std(y)) < 3.0, "values neither vanish nor grow"
    work = work_of("product", Shape(rows=8, size=64, depth=4))
    if not quantised:
        assert work == 2 * 8 * graph_statistics(model.path).macs_per_sample


def test_a_matrix_is_read_once(tmp_path: Path) -> None:
    model = read_model(tmp_path / "m.onnx", 48)
    (tensor,) = onnx.load(model.path).graph.initializer
    assert work_of("read", Shape(rows=1, size=48)) == len(tensor.raw_data)


def test_each_precision_and_memory_are_measured(tmp_path: Path) -> None:
    found = list(peaks(SMALL, tmp_path))
    assert [(one.what, one.asked, one.precision) for one in found] == [
        ("product", "fp32", "fp32"),
        ("product", "int8", "int8"),
        ("read", "fp32", "fp32"),
    ]
    for one in found:
        assert one.refused is None
        assert one.per_s is not None
        assert one.interval is not None
        assert one.interval.low <= one.per_s <= one.interval.high
        assert one.calls >= 5


def test_an_engine_that_cannot_says_why_and_the_process_tells_it() -> None:
    request = msgspec.structs.replace(SMALL, backend="fake", device="cpu")
    found = list(measured_peaks(request))
    assert found
    with pytest.raises(PeaksFailed, match="Backend 'onnxruntime' has no device 'gpu:7'"):
        list(measured_peaks(msgspec.structs.replace(SMALL, device="gpu:7")))
    with pytest.raises(PeaksFailed, match="There is no backend 'onnx'"):
        list(measured_peaks(msgspec.structs.replace(SMALL, backend="onnx")))


def test_a_process_that_ends_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    def ended(*arguments: object) -> Iterator[bytes]:
        raise NoMoreAnswers("ended by SIGSEGV")
        yield b""

    monkeypatch.setattr(process, "answers", ended)
    with pytest.raises(PeaksFailed, match="measures onnxruntime on cpu ended by SIGSEGV"):
        list(measured_peaks(SMALL))


def test_a_matrix_that_is_read_fits_into_no_cache() -> None:
    small = Cpu(caches=(Cache(level=3, kind="unified", bytes=32 << 20, instances=1),))
    outer = Cache(level=3, kind="unified", bytes=32 << 20, instances=12)
    large = Cpu(caches=(Cache(level=2, kind="unified", bytes=1 << 40, instances=1), outer))
    cases = ((small, "cpu:0", 8192), (large, "cpu:0", 16384), (Cpu(), "cpu:0", 8192), (small, "cuda", 16384))
    for cpu, device, size in cases:
        asked = request_for("onnxruntime", device, 2, 1.0, msgspec.structs.replace(BARE, cpu=cpu))
        assert asked.read.size == size
    assert asked.product.depth * asked.product.size > 100_000, "a card's work must outweigh the way there and back"


def measured(what: str = "product", device: str = "cpu:0", per_s: float | None = 1e12) -> MeasuredPeak:
    interval = Interval(low=9e11, high=1.1e12, confidence=0.95, kind="repetitions-t")
    return MeasuredPeak(
        what=what,  # type: ignore[arg-type]
        device=device,
        asked="fp32",
        engine="e 1",
        precision="fp32",
        per_s=per_s,
        interval=interval if per_s else None,
    )


def test_measured_peaks_take_the_place_of_measured_ones_and_stand_beside_typed_ones() -> None:
    typed = Peak(precision="fp32", ops_per_s=2e12, source="a data sheet")
    before = msgspec.structs.replace(BARE, cpu=Cpu(peaks=(typed,)))
    once = with_peaks(before, [measured(per_s=5e11), measured("read", per_s=1e11), measured(per_s=None)])
    twice = with_peaks(once, [measured(per_s=6e11)])
    assert [one.ops_per_s for one in twice.cpu.peaks] == [2e12, 6e11]
    assert twice.cpu.peaks[1].interval == (9e11, 1.1e12)
    assert twice.cpu.peaks[1].source.startswith("measured by bench ")
    assert twice.memory.bandwidth_bytes_per_s == 1e11
    assert twice.memory == Memory(bandwidth_bytes_per_s=1e11, bandwidth_source=twice.memory.bandwidth_source)


def test_a_cards_peak_needs_a_card() -> None:
    one = Accelerator(model="x")
    card = msgspec.structs.replace(BARE, accelerators=(one,))
    kept = with_peaks(card, [measured(device="cuda:0"), measured("read", "cuda:0", 3e12)]).accelerators[0]
    assert (kept.peaks[0].ops_per_s, kept.bandwidth_bytes_per_s) == (1e12, 3e12)
    for cards in ((), (one, Accelerator(model="y"))):
        with pytest.raises(NoPlace, match="there must be one"):
            with_peaks(msgspec.structs.replace(BARE, accelerators=cards), [measured(device="cuda:0")])
