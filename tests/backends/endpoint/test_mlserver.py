"""A real server of the protocol, MLServer, with a model of the suite: the answers of the engine in process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.backends.base import EngineError
from bench.backends.endpoint.backend import BACKEND

from ..seam import answers, reference, speech, worst_error

pytest.importorskip("tritonclient.http", reason="the extra `endpoint` is not installed")
pytest.importorskip("tritonclient.grpc", reason="the extra `endpoint` is not installed")
# It pins protobuf below what others here need, so it has an environment of its own, with onnxruntime beside it.
PYTHON = os.environ.get("BENCH_TEST_MLSERVER", "")
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(
        not PYTHON,
        reason="BENCH_TEST_MLSERVER does not name the python of an environment with MLServer and onnxruntime",
    ),
]
RUNTIME = """
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse

class Onnx(MLModel):
    async def load(self):
        self._session = onnxruntime.InferenceSession(self.settings.parameters.uri, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload):
        given = {one.name: NumpyCodec.decode_input(one) for one in payload.inputs}
        names = [one.name for one in self._session.get_outputs()]
        found = [NumpyCodec.encode_output(name, array) for name, array in zip(names, self._session.run(names, given))]
        return InferenceResponse(model_name=self.name, model_version="3", outputs=found)
"""


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """Of HTTP and gRPC, once the server listens."""
    folder = tmp_path_factory.mktemp("mlserver")
    http, grpc, metrics = _free_port(), _free_port(), _free_port()
    (folder / "onnx_runtime.py").write_text(RUNTIME)
    about = {"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0}
    (folder / "settings.json").write_text(json.dumps(about))
    place = {"uri": str(speech()[0].path.resolve()), "version": "3"}
    (folder / "model-settings.json").write_text(
        json.dumps({"name": "speech_command", "implementation": "onnx_runtime.Onnx", "parameters": place})
    )
    command = [str(Path(PYTHON).with_name("mlserver")), "start", str(folder)]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, env={"PATH": os.environ["PATH"]}, stdout=log, stderr=log)
    try:
        _wait(process, grpc, folder / "log")
        yield http, grpc
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    model, inputs = speech()
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            answers(BACKEND, model, inputs, settings={"url": f"grpc://127.0.0.1:{port}"})
            return
        except EngineError:
            time.sleep(0.5)
    pytest.fail(f"MLServer did not start: {log.read_text()[-2000:]}")


# MLServer 1.7.1 with a FastAPI of today takes no bytes behind JSON over HTTP: `binary` = false is for such servers.
@pytest.mark.parametrize(("protocol", "binary"), [(0, False), (1, True)])
def test_answers_are_those_in_process(ports: tuple[int, int], protocol: int, binary: bool) -> None:
    model, inputs = speech()
    url = f"{('http', 'grpc')[protocol]}://127.0.0.1:{ports[protocol]}"
    facts, found = answers(BACKEND, model, inputs, sizes=(4, 1, 3), settings={"url": url, "binary": binary})
    expected = reference(model, inputs)
    assert worst_error(found, expected) < 1e-5
    (logits,) = found.values()
    assert np.array_equal(logits.argmax(1), next(iter(expected.values()))[:8].argmax(1))
    assert facts.engine == "mlserver"
    assert facts.engine_version.startswith("1.")
