"""`bench.backends.trimming`: batches of samples of different lengths, cut to the longest, against sample by sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from bench.backends.base import Arrays, Backend, EngineError, Model, Options, Tensor, Varying, why_none
from bench.backends.checks import Forms
from bench.backends.registry import load_backend
from bench.backends.trimming import TrimmedSession, compile_trimmed

from ..fixtures import save_model
from . import seam

MOST, UNIT, FRAME = 48, 8, 4  # places of a sample, of a unit, and of a frame of the answer
BATCH = 4


def model(folder: Path) -> Model:
    """The means of frames of four places, and zeros beyond a sample's own length."""
    wave = helper.make_tensor_value_info("wave", TensorProto.FLOAT, ["batch", "time"])
    length = helper.make_tensor_value_info("length", TensorProto.INT64, ["batch"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "frames"])
    constants = {
        "form": np.array([0, -1, FRAME]),
        "last": np.array([-1]),
        "one": np.array(1.0, np.float32),
        "axis": np.array(1),
        "four": np.array(float(FRAME), np.float32),
    }
    nodes = [
        helper.make_node("Reshape", ["wave", "form"], ["framed"]),
        helper.make_node("ReduceMean", ["framed"], ["means"], axes=[2], keepdims=0),
        helper.make_node("Equal", ["means", "means"], ["same"]),
        helper.make_node("Cast", ["same"], ["ones"], to=TensorProto.FLOAT),
        helper.make_node("CumSum", ["ones", "axis"], ["counted"]),
        helper.make_node("Mul", ["counted", "four"], ["ends"]),
        helper.make_node("Cast", ["length"], ["lengths"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["lengths", "last"], ["limits"]),
        helper.make_node("Greater", ["ends", "limits"], ["beyond"]),
        helper.make_node("Not", ["beyond"], ["within"]),
        helper.make_node("Cast", ["within"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["means", "mask"], ["y"]),
    ]
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    path = save_model(helper.make_graph(nodes, "frames", [wave, length], [y], initial), folder / "frames.onnx")
    return Model(
        path=path,
        inputs=(Tensor(name="wave", dtype="float32", shape=(MOST,)), Tensor(name="length", dtype="int64", shape=())),
        outputs=(Tensor(name="y", dtype="float32", shape=(MOST // FRAME,)),),
        varying=Varying(length="length", units={"wave": UNIT, "y": UNIT // FRAME}),
    )


def samples(lengths: Sequence[int]) -> dict[str, np.ndarray]:
    waves = np.random.default_rng(len(lengths)).standard_normal((len(lengths), MOST)).astype(np.float32)
    return {"wave": waves, "length": np.array(lengths, np.int64)}


def slow(inputs: Arrays) -> np.ndarray:
    result = np.zeros((len(inputs["wave"]), MOST // FRAME), np.float32)
    for row, (wave, length) in enumerate(zip(inputs["wave"], inputs["length"], strict=True)):
        for frame in range(MOST // FRAME):
            if (frame + 1) * FRAME <= length:
                result[row, frame] = wave[frame * FRAME : (frame + 1) * FRAME].astype(np.float64).mean()
    return result


class Recording:
    """Computes frames as the network does, and remembers what form it was asked in."""

    def __init__(self) -> None:
        self.forms: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
        self.contiguous = True

    def run(self, batch: Arrays, out: Arrays) -> None:
        wave, y = batch["wave"], out["y"]
        self.forms.append((wave.shape, y.shape))
        self.contiguous &= wave.flags.c_contiguous and y.flags.c_contiguous
        assert np.isnan(y).all(), "poisoned whatever was there before"
        whole = np.zeros((len(wave), MOST), np.float32)
        whole[:, : wave.shape[1]] = wave
        y[:] = slow({"wave": whole, "length": batch["length"]})[:, : y.shape[1]]

    def close(self) -> None:
        self.closed = True


@settings(deadline=None, max_examples=60)
@given(batches=st.lists(st.lists(st.integers(1, MOST), min_size=1, max_size=BATCH), min_size=1, max_size=5))
def test_each_batch_comes_as_long_as_its_longest_sample_and_no_longer(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]]
) -> None:
    inner = Recording()
    made = model(tmp_path_factory.mktemp("m"))
    session = TrimmedSession(inner, made, BATCH)
    for lengths in batches:
        inputs = samples(lengths)
        out = seam.poisoned(made, len(lengths))
        session.run(inputs, out)
        np.testing.assert_allclose(out["y"], slow(inputs), atol=1e-6)
        units = -(-max(lengths) // UNIT)
        assert inner.forms[-1] == (
            (len(lengths), units * UNIT),
            (len(lengths), units * (UNIT // FRAME)),
        )
    assert inner.contiguous


def test_what_an_engine_leaves_out_of_a_trimmed_batch_stays_poisoned(tmp_path: Path) -> None:
    class Lazy(Recording):
        def run(self, batch: Arrays, out: Arrays) -> None:
            super().run(batch, out)
            out["y"][1] = np.nan

    made = model(tmp_path)
    session = TrimmedSession(Recording(), made, BATCH)
    session.run(samples([5, 5]), seam.poisoned(made, 2))
    session._session = Lazy()
    out = seam.poisoned(made, 2)
    session.run(samples([5, 5]), out)
    assert np.isnan(out["y"][1]).any()
    assert np.isfinite(out["y"][0]).all()


@pytest.mark.parametrize("lengths", [[MOST + 1], [10**12, 3], [0]])
def test_a_length_that_no_sample_has_asks_for_no_more_than_there_is(tmp_path: Path, lengths: list[int]) -> None:
    inner, made = Recording(), model(tmp_path)
    TrimmedSession(inner, made, BATCH).run(samples(lengths), seam.poisoned(made, len(lengths)))
    assert inner.forms[0][0][1] == (UNIT if max(lengths) == 0 else MOST)


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        ("onnxruntime", {}),
        ("openvino", {}),
        ("openvino", {"batch_axis": "fixed"}),
        ("openvino", {"batch_axis": "free"}),
        ("opencl", {}),
    ],
)
def test_engines_answer_every_length(tmp_path: Path, name: str, chosen: dict[str, str]) -> None:
    pytest.importorskip({"opencl": "pyopencl"}.get(name, name))
    backend: Backend = load_backend(name)
    if not backend.devices():
        pytest.skip(why_none(backend))
    made, inputs = model(tmp_path), samples([48, 3, 9, 1, 31, 30, 29, 7, 8, 40])
    options = Options(precision="fp32", max_batch=3, workers=1, threads=1, settings=dict(chosen))
    compiled = compile_trimmed(backend, made, backend.devices()[0], options)
    found = seam.ask(compiled.open(0), made, inputs, (1, 3, 3, 2, 1))
    compiled.close()
    np.testing.assert_allclose(found["y"], slow(inputs), atol=1e-6)


def test_without_lengths_nothing_stands_between(tmp_path: Path) -> None:
    backend = load_backend("onnxruntime")
    made = msgspec.structs.replace(model(tmp_path), varying=None)
    plain = compile_trimmed(backend, made, backend.devices()[0], seam.options())
    assert not isinstance(plain.open(0), TrimmedSession)


@pytest.mark.parametrize("places", [0, UNIT - 1, MOST + UNIT])
def test_forms_that_are_no_whole_units_are_refused(tmp_path: Path, places: int) -> None:
    made = model(tmp_path)
    forms = Forms("engine", made, BATCH)
    good = {"wave": np.zeros((2, UNIT), np.float32), "length": np.ones(2, np.int64)}
    assert forms.check(good, {"y": np.zeros((2, UNIT // FRAME), np.float32)}) == 2
    with pytest.raises(EngineError, match="'wave' came as"):
        forms.check({**good, "wave": np.zeros((2, places), np.float32)}, {"y": np.zeros((2, 2), np.float32)})


@pytest.mark.parametrize("places", [MOST - 1, MOST - UNIT, MOST + UNIT])
def test_samples_of_another_form_than_declared_are_refused_though_their_ends_would_be_cut(
    tmp_path: Path, places: int
) -> None:
    made = model(tmp_path)
    session = TrimmedSession(Recording(), made, BATCH)
    out = seam.poisoned(made, 2)
    with pytest.raises(EngineError, match=rf"'wave' came as \[{places}\]; declared is \[{MOST}\]"):
        session.run({"wave": np.zeros((2, places), np.float32), "length": np.array([3, 4])}, out)
    short = {"y": np.zeros((2, MOST // FRAME - 1), np.float32)}
    with pytest.raises(EngineError, match="'y' came as"):
        session.run(samples([3, 4]), short)
