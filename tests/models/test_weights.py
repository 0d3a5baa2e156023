"""int8 storage: the grid against plain arithmetic, the files against torch and two engines, what is refused."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper

torch = pytest.importorskip("torch")
ort = pytest.importorskip("onnxruntime")

from bench.models.challenge import reference_answers, write_challenge  # noqa: E402
from bench.models.export import export_graph, fold_batch_norms, round_to_int8  # noqa: E402
from bench.models.graph import graph_statistics, model_hash  # noqa: E402
from bench.models.weights import (  # noqa: E402
    channel_scales,
    from_grid,
    load_weights,
    read_weights,
    to_grid,
)

IMAGE = np.random.default_rng(1).integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
# What an engine may err by where its products are float32 (relative to the largest answer).
CLOSE = 1e-6


class Small(torch.nn.Module):
    """All places where weights can lie: convolutions (one depthwise), Gemm, MatMul, a fixed matrix, few weights."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 80, 3, stride=2, padding=1, bias=False)
        self.norm = torch.nn.BatchNorm2d(80)
        self.depthwise = torch.nn.Conv2d(80, 80, 3, padding=1, groups=80)
        self.narrow = torch.nn.Conv2d(80, 12, 1)
        self.rows = torch.nn.Linear(12, 24)  # on three axes, which is a MatMul in ONNX
        self.head = torch.nn.Linear(24, 70)
        self.few = torch.nn.Conv2d(3, 3, 1)
        self.register_buffer("basis", torch.randn(70, 8))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        x = self.few(image.to(torch.float32) / 255)
        x = torch.nn.functional.relu6(self.norm(self.stem(x)))
        x = self.narrow(torch.relu(self.depthwise(x)))
        x = self.rows(x.flatten(2).transpose(1, 2)).mean(dim=1)
        return torch.matmul(self.head(x), self.basis)


def built() -> torch.nn.Module:
    torch.manual_seed(0)
    module = Small()
    module.norm.running_var.uniform_(0.5, 2.0)
    module.norm.running_mean.normal_()
    return fold_batch_norms(module)


def export(folder: Path) -> torch.nn.Module:
    module = round_to_int8(built())
    export_graph(module, {"image": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}, ["answer"], folder, storage="int8")
    return module


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.nn.Module]:
    folder = tmp_path_factory.mktemp("int8")
    return folder / "graph.onnx", export(folder)


def by_torch(module: torch.nn.Module) -> NDArray[np.float32]:
    with torch.no_grad():
        return np.asarray(module(torch.from_numpy(IMAGE)).numpy())


def session(path: Path, optimised: Path | None = None) -> ort.InferenceSession:
    options = ort.SessionOptions()
    if optimised is not None:
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.optimized_model_filepath = str(optimised)
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


# ---------------------------------------------------------------------------------------------------------- the grid


@pytest.mark.parametrize("magnitude", [1e-25, 1e-3, 1.0, 7.3, 1e20])
def test_rounding_takes_the_nearest_step_of_each_channel(magnitude: float) -> None:
    random = np.random.default_rng(5)
    weights = (random.standard_normal((9, 4, 3, 3)) * magnitude * random.uniform(0.1, 10, (9, 1, 1, 1))).astype("f4")
    steps, scales = to_grid(weights, 0)
    assert (steps.dtype, steps.shape, scales.dtype, scales.shape) == (np.int8, weights.shape, np.float32, (9, 1, 1, 1))
    for channel, row, scale in zip(weights, steps, scales.ravel(), strict=True):
        grid = np.arange(-127, 128) * float(scale)
        errors = np.abs(channel.astype(np.float64)[..., None] - grid)
        taken = np.abs(channel - row * float(scale))
        assert (taken <= errors.min(axis=-1) * (1 + 1e-5)).all()
        assert np.abs(row).max() == 127
        assert float(scale) == pytest.approx(float(np.abs(channel).max()) / 127, rel=2**-16)


def test_what_lies_on_the_grid_stays_and_is_exact() -> None:
    weights = np.random.default_rng(6).standard_normal((500, 7)).astype(np.float32)
    for axis in (0, 1):
        steps, scales = to_grid(weights, axis)
        once = from_grid(steps, scales)
        again, same = to_grid(once, axis)
        assert (again == steps).all()
        assert (same == scales).all()
        # No rounding in the product, so that an engine that computes it more widely has the same weights.
        assert (once.astype(np.float64) == steps.astype(np.float64) * scales.astype(np.float64)).all()


def test_channels_without_weights_and_without_numbers() -> None:
    weights = np.zeros((3, 40), np.float32)
    weights[1] = 1e-38
    weights[2, 5] = -2.0
    steps, scales = to_grid(weights, 0)
    assert np.isfinite(scales).all()
    weights[1] = 0
    np.testing.assert_allclose(from_grid(steps, scales), weights, rtol=2**-16)
    for wrong in (np.nan, np.inf):
        weights[0, 0] = wrong
        with pytest.raises(ValueError, match="NaN or infinity"):
            to_grid(weights, 0)


def test_a_module_with_nan_names_the_weight() -> None:
    module = built()
    with torch.no_grad():
        module.head.weight[0, 0] = float("nan")
    with pytest.raises(ValueError, match=r"`head\.weight` holds NaN"):
        round_to_int8(module)


# --------------------------------------------------------------------------------------------------------- the files


def test_weights_are_int8_vectors_float_and_fixed_matrices_half(files: tuple[Path, torch.nn.Module]) -> None:
    path, _ = files
    graph = onnx.load(path, load_external_data=False).graph
    kinds = {tensor.name: (tensor.data_type, tensor.data_location) for tensor in graph.initializer}
    outside = TensorProto.EXTERNAL
    for name in ("stem.weight", "depthwise.weight", "narrow.weight", "head.weight"):
        assert kinds[name] == (TensorProto.INT8, outside)
    assert kinds["depthwise.bias"] == (TensorProto.FLOAT, outside)
    assert kinds["depthwise.weight.scale"] == (TensorProto.FLOAT, outside)
    assert kinds["narrow.weight.scale"] == (TensorProto.FLOAT, TensorProto.DEFAULT)  # twelve numbers
    assert kinds["basis"] == (TensorProto.FLOAT16, outside)
    assert kinds["few.weight"] == (TensorProto.FLOAT, TensorProto.DEFAULT)
    scales = channel_scales(graph)
    shapes = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    assert len(scales) == 5  # with the Linear that became a MatMul, whose weight the exporter turned over
    assert sorted(shapes[name] for name in scales.values()) == [
        (1, 24), (12, 1, 1, 1), (70, 1), (80, 1, 1, 1), (80, 1, 1, 1)
    ]  # fmt: skip
    assert path.stat().st_size < 8192


def test_counts_are_those_of_the_module(files: tuple[Path, torch.nn.Module]) -> None:
    path, module = files
    statistics = graph_statistics(path)
    counted = sum(tensor.numel() for tensor in (*module.parameters(), *module.buffers()))
    constants = [  # 255
        tensor
        for tensor in onnx.load(path).graph.initializer
        if tensor.data_type == TensorProto.FLOAT and not tensor.dims
    ]
    bounds = {name for node in onnx.load(path).graph.node if node.op_type == "Clip" for name in node.input[1:]}
    assert len(bounds) == 2
    assert statistics.parameters == counted + len([one for one in constants if one.name not in bounds])
    assert (
        statistics.macs_per_sample == 32 * 32 * 9 + 16 * 16 * (80 * 27 + 80 * 9 + 12 * 80 + 24 * 12) + 70 * 24 + 8 * 70
    )


def test_a_module_gets_exactly_the_weights_back(files: tuple[Path, torch.nn.Module]) -> None:
    path, module = files
    other = built()
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.fill_(-1.0)
    named = read_weights(path)
    assert (named["stem.weight"] == module.stem.weight.detach().numpy()).all()
    assert not [name for name in named if name.endswith(".scale")]
    load_weights(other, path)  # `rows` too, whose weight lies there turned round
    for name, tensor in module.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_onnxruntime_folds_the_weights_and_agrees(files: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, module = files
    (found,) = session(path, tmp_path / "optimised.onnx").run(None, {"image": IMAGE})
    expected = by_torch(module)
    assert np.abs(found - expected).max() <= CLOSE * np.abs(expected).max()
    made = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx", load_external_data=False).graph.node)
    assert made["Mul"] == 0
    assert made["Cast"] == 1  # of the picture


def test_openvino_agrees_and_says_fp32(files: tuple[Path, torch.nn.Module]) -> None:
    pytest.importorskip("openvino")
    from bench.backends.base import Model, Options, Tensor
    from bench.backends.registry import load_backend

    path, module = files
    backend = load_backend("openvino")
    model = Model(
        path=path,
        inputs=(Tensor(name="image", dtype="uint8", shape=(3, 32, 32)),),
        outputs=(Tensor(name="answer", dtype="float32", shape=(8,)),),
    )
    device = next(device for device in backend.devices() if device.kind == "cpu")
    compiled = backend.compile(model, device, Options(precision="fp32", max_batch=3, threads=1, workers=1))
    try:
        assert compiled.facts.precision_executed == "fp32"
        found = {"answer": np.full((3, 8), np.nan, np.float32)}
        opened = compiled.open(0)
        opened.run({"image": IMAGE}, found)
        opened.close()
    finally:
        compiled.close()
    expected = by_torch(module)
    assert np.abs(found["answer"] - expected).max() <= CLOSE * np.abs(expected).max()


def test_the_hash_sees_a_step_and_a_scale(files: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, _ = files
    hashes = {model_hash(path)}
    for name in ("head.weight", "head.weight.scale"):
        model = onnx.load(path)
        tensor = next(tensor for tensor in model.graph.initializer if tensor.name == name)
        array = numpy_helper.to_array(tensor).copy()
        array.flat[3] += 1
        tensor.CopyFrom(numpy_helper.from_array(array, name))
        onnx.save(model, tmp_path / "changed.onnx")
        hashes.add(model_hash(tmp_path / "changed.onnx"))
    assert len(hashes) == 3


def test_the_challenge_changes_steps_and_leaves_scales(files: tuple[Path, torch.nn.Module], tmp_path: Path) -> None:
    path, _ = files
    challenge = tmp_path / "challenge.onnx"
    write_challenge(path, 7, challenge)
    before, after = (
        {tensor.name: numpy_helper.to_array(tensor) for tensor in onnx.load(file).graph.initializer}
        for file in (path, challenge)
    )
    for position, (name, old) in enumerate(before.items()):
        if old.dtype != np.int8:
            continue
        words = np.random.PCG64(np.random.SeedSequence([7, position])).random_raw(3)
        factors = np.array([2 ** (2 * (int(word) // 2**11) / 2**53 - 1) for word in words])
        assert after[name].dtype == np.float16
        assert after[name].reshape(-1)[:3].tolist() == (old.reshape(-1)[:3] * factors).astype(np.float16).tolist()
    assert all((after[name] == old).all() for name, old in before.items() if name.endswith((".scale", ".bias")))
    expected = reference_answers(challenge, {"image": IMAGE}, lambda: None)["answer"]
    (found,) = session(challenge).run(None, {"image": IMAGE})
    assert np.abs(found - expected).max() <= 1e-5 * np.abs(expected).max()
    (unchanged,) = session(path).run(None, {"image": IMAGE})
    assert np.abs(unchanged - expected).max() >= 0.05 * np.abs(expected).max()


def test_bytes_are_deterministic(tmp_path: Path) -> None:
    for name in ("a", "b"):
        export(tmp_path / name)
    for name in ("graph.onnx", "weights.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_module_that_was_not_rounded_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.weight` does not lie on the int8 grid\. Call `round_to_int8`"):
        export_graph(built(), {"image": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}, ["a"], tmp_path, storage="int8")
