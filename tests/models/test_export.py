"""Export of torch modules: files on disk, agreement with torch, determinism, tidiness."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto

torch = pytest.importorskip("torch")
ort = pytest.importorskip("onnxruntime")

from bench.models.export import export_graph, fold_batch_norms, round_to_half  # noqa: E402
from bench.models.weights import load_weights  # noqa: E402


class Small(torch.nn.Module):
    """Image network with everything that exporters are untidy about: batch norms, a view, shared weights."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([0.4, 0.5, 0.6]).reshape(3, 1, 1))
        self.stem = torch.nn.Sequential(
            torch.nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), torch.nn.BatchNorm2d(16), torch.nn.ReLU()
        )
        self.block = torch.nn.Conv2d(16, 16, 3, padding=1)
        self.drop = torch.nn.Dropout()
        self.head = torch.nn.Linear(16, 70)
        self.projection = torch.nn.Parameter(torch.randn(70, 8))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = self.stem(image.to(torch.float32) / 255 - self.mean)
        x = self.block(torch.relu(self.block(x)))
        logits = self.head(self.drop(torch.flatten(x.mean(dim=(2, 3)), 1)))
        return logits, torch.matmul(logits, self.projection)


def build(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    module = Small()
    module.stem[1].running_var.uniform_(0.5, 2.0)
    module.stem[1].running_mean.normal_()
    return round_to_half(fold_batch_norms(module))


def export(folder: Path, seed: int = 0) -> torch.nn.Module:
    module = build(seed)
    export_graph(module, {"image": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}, ["logits", "embedding"], folder)
    return module


@pytest.mark.parametrize("batch", [1, 5])
def test_agrees_with_torch(tmp_path: Path, batch: int) -> None:
    module = export(tmp_path)
    image = np.random.default_rng(1).integers(0, 256, (batch, 3, 32, 32), dtype=np.uint8)
    session = ort.InferenceSession(str(tmp_path / "graph.onnx"), providers=["CPUExecutionProvider"])
    found = session.run(["logits", "embedding"], {"image": image})
    with torch.no_grad():
        expected = module(torch.from_numpy(image))
    for ours, theirs in zip(found, expected, strict=True):
        assert np.linalg.norm(ours - theirs.numpy()) <= 1e-5 * np.linalg.norm(theirs.numpy())


def test_folding_keeps_the_function() -> None:
    torch.manual_seed(3)
    module = Small().eval()
    image = torch.randint(0, 256, (2, 3, 32, 32), dtype=torch.uint8)
    with torch.no_grad():
        torch.testing.assert_close(fold_batch_norms(module)(image), module(image), rtol=1e-5, atol=1e-6)


def test_weights_are_half_tensors_of_the_safetensors_file(tmp_path: Path) -> None:
    module = export(tmp_path)
    model = onnx.load(tmp_path / "graph.onnx", load_external_data=False)
    raw = (tmp_path / "weights.safetensors").read_bytes()
    (size,) = struct.unpack_from("<Q", raw)
    header = json.loads(raw[8 : 8 + size])
    outside = [t for t in model.graph.initializer if t.data_location == TensorProto.EXTERNAL]
    assert {t.name for t in outside} == set(header)
    for tensor in outside:
        place = {e.key: e.value for e in tensor.external_data}
        begin, end = header[tensor.name]["data_offsets"]
        assert (int(place["offset"]), int(place["length"])) == (8 + size + begin, end - begin)
        assert place["location"] == "weights.safetensors"
        assert tensor.data_type == TensorProto.FLOAT16
    loaded = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(tmp_path / "graph.onnx").graph.initializer}
    np.testing.assert_array_equal(loaded["head.weight"], module.head.weight.detach().numpy())


def test_graph_is_small_and_tidy(tmp_path: Path) -> None:
    export(tmp_path)
    path = tmp_path / "graph.onnx"
    onnx.checker.check_model(str(path), full_check=True)
    model = onnx.load(path, load_external_data=False)
    assert path.stat().st_size < 8192
    assert {n.op_type for n in model.graph.node} <= {
        "Cast", "Div", "Sub", "Conv", "Relu", "ReduceMean", "Flatten", "Gemm", "MatMul"
    }  # fmt: skip
    assert len({n.name for n in model.graph.node}) == len(model.graph.node)
    names = [name for n in model.graph.node for name in (*n.input, *n.output)]
    assert not any("::" in name or "/" in name for name in names)
    assert [i.name for i in model.graph.input] == ["image"]
    assert [o.name for o in model.graph.output] == ["logits", "embedding"]
    for item in (*model.graph.input, *model.graph.output):
        assert item.type.tensor_type.shape.dim[0].dim_param == "batch"


def test_bytes_are_deterministic(tmp_path: Path) -> None:
    export(tmp_path / "a")
    export(tmp_path / "b")
    for name in ("graph.onnx", "weights.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_weight_beyond_half_range_is_refused(tmp_path: Path) -> None:
    module = build()
    with torch.no_grad():
        module.head.weight[0, 0] = 1e6
    with pytest.raises(ValueError, match=r"head\.weight.*65504"):
        export_graph(module, {"image": torch.zeros(2, 3, 32, 32, dtype=torch.uint8)}, ["logits", "e"], tmp_path)


class Heads(torch.nn.Module):
    """What Conformers do over sequences of any length: linear layers, heads taken apart and put together."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.outer = torch.nn.Linear(8, 24), torch.nn.Linear(24, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.inner(x)
        heads = y.reshape(y.shape[0], -1, 4, 6).transpose(1, 2)
        y = torch.matmul(torch.softmax(torch.matmul(heads, heads.transpose(2, 3)), -1), heads).transpose(1, 2)
        return self.outer(y.reshape(y.shape[0], -1, 24))


def test_axes_that_stay_are_written_as_such_and_others_may_vary(tmp_path: Path) -> None:
    torch.manual_seed(4)
    module = round_to_half(Heads())
    export_graph(module, {"x": torch.zeros(2, 5, 8)}, ["y"], tmp_path, varying={"x": "time", "y": "time"})
    model = onnx.load(tmp_path / "graph.onnx")
    assert not {"Shape", "Gather", "Concat"} & {node.op_type for node in model.graph.node}
    constants = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    shapes = [constants[node.input[1]].tolist() for node in model.graph.node if node.op_type == "Reshape"]
    assert sorted(shapes) == [[0, -1, 4, 6], [0, -1, 24]]
    assert [dim.dim_param for dim in model.graph.input[0].type.tensor_type.shape.dim[:2]] == ["batch", "time"]
    session = ort.InferenceSession(str(tmp_path / "graph.onnx"), providers=["CPUExecutionProvider"])
    for batch, time in ((1, 1), (3, 9)):
        x = torch.randn(batch, time, 8)
        with torch.no_grad():
            np.testing.assert_allclose(session.run(None, {"x": x.numpy()})[0], module(x).numpy(), atol=1e-5)


def test_weights_of_linear_layers_over_sequences_come_back_the_right_way_round(tmp_path: Path) -> None:
    torch.manual_seed(5)
    module = round_to_half(Heads())
    export_graph(module, {"x": torch.zeros(2, 5, 8)}, ["y"], tmp_path)
    other = Heads()
    load_weights(other, tmp_path / "graph.onnx")
    for name, tensor in module.state_dict().items():
        assert torch.equal(other.state_dict()[name], tensor), name


def test_a_reshape_that_changes_the_leading_axis_is_left_alone(tmp_path: Path) -> None:
    class Swapped(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(-1, x.shape[0], 4)  # the batch's size, but at another place

    export_graph(Swapped(), {"x": torch.zeros(2, 3, 4)}, ["y"], tmp_path)
    session = ort.InferenceSession(str(tmp_path / "graph.onnx"), providers=["CPUExecutionProvider"])
    x = np.arange(60, dtype=np.float32).reshape(5, 3, 4)
    np.testing.assert_array_equal(session.run(None, {"x": x})[0], x.reshape(3, 5, 4))
