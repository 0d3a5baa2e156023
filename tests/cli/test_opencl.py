"""`bench opencl` from the command line: a trace, a table, programs, a run that takes them, and wrong words."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.backends.opencl import device as devices
from bench.host.engine_answers import NoMoreAnswers
from bench.opencl.process import Refused, Request, traced

from .things import Command, complaint


@pytest.fixture
def a_device() -> None:
    """Skips where there is no OpenCL device."""
    if not devices.found_devices():
        pytest.skip(f"no OpenCL device: {devices.why_none()}")


@pytest.mark.usefixtures("a_device")
def test_programs_and_tiles_are_made_and_taken(bench: Command, model: Path, tmp_path: Path) -> None:
    programs, tiles = tmp_path / "programs", tmp_path / "tiles.json"
    tuned = bench("opencl", "tune", model, "-o", tiles, "--budget-s", "0", "--format", "json")
    assert tuned.code == 0, tuned
    assert [one["tried"] for one in json.loads(tuned.out)] == [1]
    built = bench("opencl", "build", model, "-o", programs, "--setting", f"tiles={tiles}", "--format", "json")
    assert built.code == 0, built
    manifest = json.loads((programs / "manifest.json").read_text())
    assert json.loads(built.out)["kernels"] == len(manifest["programs"][0]["kernels"])
    taken = ("--setting", f"tiles={tiles}", "--setting", f"programs={programs}")
    seen = bench("opencl", "trace", model, *taken, "--rounds", "2", "--format", "json")
    assert seen.code == 0, seen
    layers = json.loads(seen.out)["layers"]
    assert [layers[0]["label"], layers[-1]["label"]] == ["→ x", "← logits"]
    assert json.loads(seen.out)["ops_per_s"] is None
    picture = tmp_path / "round.svg"
    roofed = bench("opencl", "trace", model, *taken, "--rounds", "2", "--roofline", "--plot", picture)
    assert "operations per second" in picture.read_text()
    assert "% of roof" in roofed.out
    assert "Peaks of the device" in roofed.out
    told = bench("opencl", "trace", model, *taken, "--rounds", "2", "--lang", "zh")
    assert "Cast" in told.out
    assert "product" in told.out
    assert "这不是成绩" in told.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["trace", "speech_comand"], "There is no workload 'speech_comand'. Did you mean 'speech_command'?"),
        (["trace", "nowhere.onnx"], "nowhere.onnx"),
        (["tune"], "MODEL"),
        (["build", "speech_command", "-o", "x", "--batch", "0"], "--batch"),
        (["trace"], "MODEL"),
        (["trace", "speech_command", "--plot", "x.gif"], "ends in .png or .svg"),
        (["trce", "x"], "trce"),
        (["tune", "speech_command", "--precision", "fp15"], "There is no precision 'fp15'. Did you mean 'fp16'?"),
    ],
)
def test_wrong_words(bench: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    outcome = bench("opencl", *arguments)
    assert outcome.code == 2
    assert said in complaint(outcome)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("a_device")
def test_a_folder_that_is_not_empty_and_a_device_that_is_not_there(bench: Command, model: Path, tmp_path: Path) -> None:
    taken = model.parent
    outcome = bench("opencl", "build", model, "-o", taken)
    assert outcome.code == 2
    assert "is not empty; programs go into a folder of their own" in complaint(outcome)
    outcome = bench("opencl", "trace", model, "--precision", "bf16")
    assert outcome.code == 2
    assert "bf16 was asked for" in complaint(outcome)
    outcome = bench("opencl", "trace", model, "--device", "accelerator:9")
    assert outcome.code == 2
    assert "has no device 'accelerator:9'" in complaint(outcome)


def test_a_driver_that_ends_the_process_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import bench.opencl.process as process

    def ends(*given: object):  # type: ignore[no-untyped-def]
        yield from ()
        raise NoMoreAnswers("ended by SIGSEGV")

    monkeypatch.setattr(process, "answers", ends)
    with pytest.raises(Refused, match="OpenCL's driver ended the process: ended by SIGSEGV"):
        traced(Request(model="speech_command", device="cpu", batches=(1,)))
