"""What the tests of the command line work on: tiny ONNX classifiers, folders of pictures, ways to start `bench`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from bench.store.journal import JOURNAL

BENCH = Path(sys.executable).with_name("bench")
HURRIED = Path(__file__).with_name("hurried.py")
CLASSES = ("ant", "bee", "cat", "dog", "elk")
TIMEOUT_S = 600.0  # of one command; only a hang reaches it
NAME = "user_model.{}.fp32"


class Outcome(NamedTuple):
    """What a command left: exit code, stdout, stderr."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]


def tiny_model(
    path: Path,
    dtype: int = TensorProto.UINT8,
    shape: Sequence[int | str] = ("batch", 3, 8, 8),
    answers: Sequence[int | str] | None = None,
) -> Path:
    """A classifier of five classes, one matrix product behind a flattening; `shape` and `answers` are as declared."""
    weights = np.random.default_rng(0).standard_normal((3 * 8 * 8, 5)).astype(np.float32)
    nodes = [
        helper.make_node("Cast", ["x"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["floats"], ["flat"]),
        helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("x", dtype, list(shape))]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, list(answers or (shape[0], 5)))]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, [numpy_helper.from_array(weights, "weights")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, path)
    return path


def picture_folder(folder: Path, each: int = 4) -> Path:
    """Noise pictures of 20 × 24, `each` in one subfolder per class."""
    rng = np.random.default_rng(1)
    for name in CLASSES:
        (folder / name).mkdir(parents=True)
        for number in range(each):
            pixels = rng.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return folder


def surroundings(folder: Path, **more: str) -> dict[str, str]:
    """An environment with a home and a cache of its own under `folder`, and without settings of the caller's."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("BENCH_", "XDG_"))}
    for name in ("NO_COLOR", "FORCE_COLOR", "LC_ALL", "LC_MESSAGES"):
        ours.pop(name, None)
    return {
        **ours,
        "LANG": "C.UTF-8",
        "HOME": str(folder / "home"),
        "BENCH_CACHE": str(folder / "cache"),
        "COLUMNS": "120",
        **more,
    }


class Running(subprocess.Popen[bytes]):
    """A started command. What it says goes to files without a name, which never fill up as a pipe does."""

    def __init__(self, command: Sequence[str], folder: Path, environment: dict[str, str], nohup: bool = False) -> None:
        self.said = (tempfile.TemporaryFile(), tempfile.TemporaryFile())  # noqa: SIM115 - `finish` closes them
        out, err = self.said
        super().__init__(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=_under_nohup if nohup else _hear_signals,
        )


def _hear_signals() -> None:
    """As a terminal starts a command: a test run in the background (`nohup`, `&`) hands down that they are ignored."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _under_nohup() -> None:
    _hear_signals()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def start(folder: Path, *arguments: object, hurried: bool = True, nohup: bool = False, **more: str) -> Running:
    """Start a command in `folder`; `hurried` ones measure for moments only (see `hurried.py`)."""
    program = [sys.executable, "-P", str(HURRIED)] if hurried else [str(BENCH)]
    return Running([*program, *map(str, arguments)], folder, surroundings(folder, **more), nohup)


def finish(process: Running) -> Outcome:
    """Wait for a started command."""
    code = process.wait(timeout=TIMEOUT_S)
    texts = []
    for file in process.said:
        file.seek(0)
        texts.append(file.read().decode())
        file.close()
    return Outcome(code, *texts)


def run(folder: Path, *arguments: object, hurried: bool = True, **more: str) -> Outcome:
    """Run a command in `folder` to its end."""
    return finish(start(folder, *arguments, hurried=hurried, **more))


def complaint(outcome: Outcome) -> str:
    """The one line on stderr that says what is wrong; progress lines do not count."""
    assert "Traceback" not in outcome.out + outcome.err, outcome
    progress = ("rough estimate).", "（粗略估计）。", " …", ": done", ": 完成")
    wrong = [line for line in outcome.err.splitlines() if not line.endswith(progress)]
    assert len(wrong) == 1, outcome.err
    return wrong[0]


def contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of change and bytes of every file under `folder`, by relative path; the journal, which grows, left out."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.name != JOURNAL)
    return {str(file.relative_to(folder)): (file.stat().st_mtime_ns, file.read_bytes()) for file in files}


def only_run(results: Path) -> Path:
    """The folder of the only run under a results directory."""
    (folder,) = (results / "runs").iterdir()
    return folder


def document(path: Path) -> dict[str, object]:
    """A kept JSON file as it stands."""
    decoded: dict[str, object] = msgspec.json.decode(path.read_bytes())
    return decoded


def codes(record: Path) -> set[str]:
    """Codes of the findings of a kept record."""
    findings = document(record)["findings"]
    assert isinstance(findings, list)
    return {entry["code"] for entry in findings}


def top_one(model: Path, pictures: NDArray[np.generic], labels: NDArray[np.int64]) -> float:
    """Share of right answers, from onnxruntime alone, picture by picture."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    right = 0
    for picture, label in zip(pictures, labels, strict=True):
        (logits,) = session.run(None, {session.get_inputs()[0].name: picture[None]})
        right += int(np.argmax(logits)) == label
    return right / len(labels)
