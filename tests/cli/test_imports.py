"""Commands that only name things load no engine and no numerical library: that is why they answer at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from .things import TIMEOUT_S, surroundings

HEAVY = {"onnxruntime", "numpy", "torch", "duckdb", "onnx", "scipy", "matplotlib", "rich", "PIL", "psutil"}
LOADED = """
import json, sys
from bench.cli.main import main
code = main(sys.argv[1:])
print(json.dumps([code, sorted(set(name.partition(".")[0] for name in sys.modules))]), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["list"],
        ["list", "run"],
        ["list", "--format", "json"],
        ["run", "--help"],
        ["cache", "info"],
        ["list", "model"],
        ["model", "fetch", "--help"],
        ["workload", "new", "--help"],
    ],
    ids=" ".join,
)
def test_loads_nothing_heavy(tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-P", "-c", LOADED, *arguments],
        cwd=tmp_path,
        env=surroundings(tmp_path),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    code, loaded = json.loads(done.stderr.splitlines()[-1])
    assert code == 0
    assert HEAVY.isdisjoint(loaded), HEAVY & set(loaded)


def test_the_package_itself_loads_nothing_heavy(tmp_path: Path) -> None:
    script = "import bench, sys; print(' '.join(sys.modules))"
    command = [sys.executable, "-P", "-c", script]
    loaded = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.split()
    assert HEAVY.isdisjoint(loaded)
