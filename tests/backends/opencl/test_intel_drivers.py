"""The engine on Intel's CPU runtime and FPGA emulator (an ACCELERATOR): operators, programs from binaries, a run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .intel import DRIVERS, VARIABLE, environment

pytestmark = pytest.mark.full
HERE = Path(__file__).parent
TESTS = (
    "test_operators.py", "test_winograd.py", "test_binaries.py", "test_session.py", "test_handover.py",
    "test_halves.py", "test_general.py",
)  # fmt: skip
KINDS = {"emulator": "accelerator", "cpu": "cpu"}


@pytest.fixture
def folder() -> Path:
    """Where the drivers are."""
    named = os.environ.get(VARIABLE)
    if named is None:
        pytest.skip(f"{VARIABLE} names no folder; `python -m tests.backends.opencl.intel DIR` makes one")
    return Path(named)


def python(folder: Path, name: str, *arguments: str) -> str:
    ended = subprocess.run(
        [sys.executable, *arguments], env=environment(folder, name), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout


@pytest.mark.parametrize("name", DRIVERS)
def test_operators_and_binaries(folder: Path, name: str) -> None:
    said = python(folder, name, "-m", "pytest", "-q", "-p", "no:cacheprovider", *(str(HERE / one) for one in TESTS))
    assert " passed" in said


@pytest.mark.parametrize("name", DRIVERS)
def test_a_run_from_programs_that_were_built_before(folder: Path, name: str, tmp_path: Path) -> None:
    bench = ("-m", "bench.cli.main")
    device = f"{KINDS[name]}:0"
    programs = tmp_path / "programs"
    python(folder, name, *bench, "opencl", "build", "speech_command", "--device", device, "-o", str(programs))
    asked = ["--backend", "opencl", "--device", device, "--workload", "speech_command", "--scenario", "single_stream"]
    where = ["--setting", f"programs={programs}", "-o", str(tmp_path), "--format", "json"]
    record = json.loads(python(folder, name, *bench, "run", *asked, *where))["records"][0]
    assert "Intel" in record["facts"]["driver_version"]
    assert record["facts"]["applied"]["programs"] == "binary"
    assert record["facts"]["device_operator_share"] == 1.0
    assert record["quality"]["passed"]
