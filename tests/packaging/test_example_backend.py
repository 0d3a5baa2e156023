"""The example package for vendors: installs as it stands, keeps the contract, and fails as a card fails."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .building import ROOT, run

EXAMPLE = Path("docs/examples/bench-backend-example")
CARD = ("--backend", "example", "--device", "card", "--workload", "speech_command")


@pytest.fixture(scope="module")
def bench(source: Path, installed: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The installed program, and an environment in which the example is installed beside it."""
    folder = tmp_path_factory.mktemp("example")
    pip = (sys.executable, "-m", "pip", "--python", installed / "python", "install", "--quiet")
    apart = ("--no-deps", "--no-index", "--no-build-isolation", "--target", folder / "site")
    copy = folder / "source"
    shutil.copytree(source / EXAMPLE, copy)  # building leaves files where it builds
    run(*pip, *apart, copy, folder=folder)
    env = {"PYTHONPATH": str(folder / "site"), "PYTHONDONTWRITEBYTECODE": "1", "HOME": str(folder)}
    return installed / "bench", env


def test_it_is_as_short_as_it_says() -> None:
    lines = (ROOT / EXAMPLE / "bench_backend_example" / "backend.py").read_text().splitlines()
    assert len(lines) < 200


def test_cards_are_listed_as_many_as_there_are(bench: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    program, env = bench
    env = {**env, "BENCH_BACKENDS": "example"}  # spares asking all others, three times
    for count in ("1", "10"):
        listed = run(program, "list", "--devices", folder=tmp_path, env={**env, "EXAMPLE_CARDS": count}).stdout
        assert listed.count("make-believe card") == int(count)
    none = run(program, "list", "--devices", folder=tmp_path, env={**env, "EXAMPLE_CARDS": "0"}).stdout
    assert "example: no devices: there is no card, for EXAMPLE_CARDS is 0" in none


def test_it_keeps_the_contract(bench: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    program, env = bench
    check = ("backend", "check", "example", "--device", "card", "--workload", "speech_command", "--cycles", "5")
    assert "none failed" in run(program, *check, folder=tmp_path, env=env).stdout


@pytest.mark.parametrize(
    ("trouble", "code", "said"),
    [
        ({"EXAMPLE_LOST_AFTER": "900"}, "device-lost", "DEVICE_LOST"),
        ({"EXAMPLE_CARD_MIB": "0"}, "out-of-memory", "OUT_OF_MEMORY"),
    ],
)
def test_a_card_that_fails_makes_an_invalid_record(
    bench: tuple[Path, dict[str, str]], tmp_path: Path, trouble: dict[str, str], code: str, said: str
) -> None:
    program, env = bench
    command = [str(program), "run", *CARD, "--scenario", "single_stream", "--format", "json"]
    done = subprocess.run(command, cwd=tmp_path, env={**env, **trouble}, capture_output=True, text=True, check=False)
    assert done.returncode == 11, done.stderr
    (record,) = json.loads(done.stdout)["records"]
    (failure,) = (entry for entry in record["findings"] if entry["code"] == code)
    assert failure["seen"].startswith(f"example: {said}")
    assert "\n" not in failure["seen"]


def test_it_measures(bench: tuple[Path, dict[str, str]], tmp_path: Path) -> None:
    program, env = bench
    told = run(program, "run", *CARD, "--scenario", "offline", "--format", "json", folder=tmp_path, env=env).stdout
    (record,) = json.loads(told)["records"]
    assert record["facts"]["engine"] == "example"
    assert record["metrics"]["samples_per_s"]["value"] > 0
    assert record["quality"]["passed"]
