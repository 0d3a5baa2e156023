"""The example backend of CONTRIBUTING.md: installs as it stands and answers through the seam."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from .building import ROOT, run

ASK = """
import sys
import numpy as np
from pathlib import Path
from bench.backends.base import Model, Options, Tensor, Unsupported, find_device
from bench.backends.registry import load_backend

backend = load_backend("onnx_reference")
device = find_device(backend, "cpu")
x, y = (Tensor(name=name, dtype="float32", shape=(3,)) for name in "xy")
model = Model(path=Path(sys.argv[1]), inputs=(x,), outputs=(y,))
compiled = backend.compile(model, device, Options(precision="fp32", max_batch=2, workers=1, threads=1))
out = {"y": np.full((2, 3), np.nan, np.float32)}
compiled.open(0).run({"x": np.arange(6, dtype=np.float32).reshape(2, 3)}, out)
print(out["y"].tolist())
try:
    backend.compile(model, device, Options(precision="int8", max_batch=2, workers=1, threads=1))
except Unsupported as refusal:
    print(refusal)
"""


@pytest.fixture
def example(tmp_path: Path) -> Path:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    blocks = re.findall(r"^```(?:toml|python)\n# (\S+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    for name, content in blocks:
        (tmp_path / name).write_text(content)
    assert sorted(name for name, _ in blocks) == ["bench_onnx_reference.py", "pyproject.toml"]
    return tmp_path


@pytest.fixture
def doubling(tmp_path: Path) -> Path:
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubling", [x], [y])
    path = tmp_path / "doubling.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def test_example_backend_answers(example: Path, doubling: Path, installed: Path, tmp_path: Path) -> None:
    pip = (sys.executable, "-m", "pip", "--python", installed / "python")
    target = tmp_path / "site"
    run(
        *pip,
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--target",
        target,
        example,
        folder=tmp_path,
    )
    python, env = installed / "python", {"PYTHONPATH": str(target), "PYTHONDONTWRITEBYTECODE": "1"}
    assert "onnx_reference" in run(installed / "bench", "list", "backend", folder=tmp_path, env=env).stdout
    answers, refusal = run(python, "-c", ASK, doubling, folder=tmp_path, env=env).stdout.splitlines()
    assert answers == str((2 * np.arange(6.0).reshape(2, 3)).tolist())
    assert refusal == "onnx_reference on cpu:0 runs fp32; int8 was asked for."
