"""Arms of `bench ab` in processes of their own: another environment, another model, another revision, cold caches."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli.main import main

from ..cli.things import tiny_model

ROOT = Path(__file__).resolve().parents[2]
Measured = Callable[..., dict[str, Any]]


@pytest.fixture
def ab(tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet_signals: None) -> Measured:
    """One pair of a measurement that the budget ends then; what was kept of it."""

    def command(first: str, second: str, *flags: str) -> dict[str, Any]:
        asked = ("ab", "--a", first, "--b", second, "--budget-s", "0.001", *flags, "--format", "json")
        code = main([*asked, "--output", str(tmp_path / "results")])
        said = capsys.readouterr()
        assert code in {0, 12}, said.err
        (file,) = (tmp_path / "results").glob("ab/*/pairs.json")
        kept: dict[str, Any] = json.loads(file.read_text())
        return {**kept, "folder": file.parent}

    return command


def environment(folder: Path) -> Path:
    """A virtual environment with the packages of this one."""
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    ours = sysconfig.get_paths()["purelib"]
    (folder / "lib" / version / "site-packages" / "ours.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    return folder


@pytest.mark.full
def test_an_arm_has_its_own_environment(ab: Measured, tmp_path: Path) -> None:
    other = environment(tmp_path / "other")
    flags = ("--backend", "fake", "--workload", "speech_command")
    kept = ab("setting.delay_us=500", f"venv={other} setting.delay_us=500", *flags)
    assert kept["first"]["python"] == sys.executable
    assert kept["second"]["python"] == str(other / "bin" / "python")
    turns = [turn for turn in kept["turns"] if turn["pair"]]
    assert not [turn for turn in turns if turn.get("failure")]
    for turn in turns:
        run = json.loads((kept["folder"] / turn["side"] / "results" / "runs" / turn["run"] / "run.json").read_text())
        assert run["host"]["python"]


@pytest.mark.full
def test_two_models_with_cold_caches(ab: Measured, tmp_path: Path) -> None:
    one, two = tiny_model(tmp_path / "one.onnx"), tiny_model(tmp_path / "two.onnx", shape=("batch", 3, 8, 8))
    kept = ab(f"model={one}", f"model={two}", "--caches", "cold", "--scenario", "single_stream")
    assert (kept["first"]["caches"], kept["second"]["caches"]) == ("cold", "cold")
    assert all(turn["pair"] for turn in kept["turns"]), "cold arms have no turn that fills caches"
    runs = {turn["side"]: kept["folder"] / turn["side"] / "results" / "runs" / turn["run"] for turn in kept["turns"]}
    asked = {side: json.loads((run / "run.json").read_text())["plan"]["model"] for side, run in runs.items()}
    assert asked == {"a": str(one), "b": str(two)}


@pytest.mark.full
def test_a_revision_is_measured_from_its_own_files(
    ab: Measured, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    if subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, check=False).returncode:
        pytest.skip("not a checkout")
    kept = ab("rev=HEAD", "", "--backend", "fake", "--workload", "speech_command")
    assert kept["first"]["package"] == str(kept["folder"] / "a" / "source" / "bench")
    assert kept["first"]["commit"]
    assert kept["second"].get("commit") is None


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("venv=/nowhere", "/nowhere"),
        ("model=/nowhere.onnx", "nowhere.onnx"),
        ("rev=no-such-revision", "no-such-revision"),
        ("colour=red", "there is no key"),
        ("batch=many", "batch"),
        ("threads", "not KEY=VALUE"),
    ],
)
def test_what_cannot_be_an_arm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet_signals: None, spec: str, word: str
) -> None:
    asked = ["ab", "--a", "", "--b", spec, "--backend", "fake", "--workload", "speech_command"]
    assert main([*asked, "--output", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert word in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.glob("ab/*"))
