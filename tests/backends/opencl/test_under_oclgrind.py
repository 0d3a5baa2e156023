"""Kernels in oclgrind, which interprets them and reports what they touch beyond their memory, and races.

In a process of its own, whose only OpenCL driver it is; there the tests of operators hold the answers as well.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOME = ("test_sequences.py::test_a_gru_that_resets_afterwards_and_has_no_bias",)
ALL = ("test_operators.py", "test_sequences.py", "test_integers.py")
# Four items write one element, and each the one behind four.
FAULTY = """
import numpy, pyopencl
context = pyopencl.create_some_context(interactive=False)
queue = pyopencl.CommandQueue(context)
memory = pyopencl.Buffer(context, pyopencl.mem_flags.READ_WRITE, 16)
source = "__kernel void f(__global float* r) { r[0] = get_global_id(0); r[4] = r[1]; }"
pyopencl.Kernel(pyopencl.Program(context, source).build(), "f")(queue, (4,), (1,), memory)
queue.finish()
"""


@pytest.fixture
def driver(tmp_path: Path) -> Path:
    """A folder that names oclgrind as the only driver."""
    program = shutil.which("oclgrind")
    if program is None:
        pytest.skip("oclgrind is not installed (Debian: apt install oclgrind)")
    library = Path(program).resolve().parent.parent / "lib" / "oclgrind" / "liboclgrind-rt-icd.so"
    if not library.exists():
        pytest.skip(f"oclgrind has no driver at {library}")
    folder = tmp_path / "vendors"
    folder.mkdir()
    (folder / "oclgrind.icd").write_text(f"{library}\n")
    return folder


def watched(driver: Path, *arguments: str) -> tuple[str, str]:
    """What Python says, and what oclgrind reports. Fails where Python does."""
    log = driver / "log"
    settings = {"OCL_ICD_VENDORS": str(driver), "OCLGRIND_DATA_RACES": "1", "OCLGRIND_LOG": str(log)}
    ended = subprocess.run(
        [sys.executable, *arguments], env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout[-4000:] + ended.stderr[-4000:]
    return ended.stdout, log.read_text()


def clean(driver: Path, tests: tuple[str, ...]) -> None:
    said, report = watched(
        driver, *("-m", "pytest", "-q", "-p", "no:cacheprovider", "-rs"), *(str(HERE / one) for one in tests),
        *("-k", "not suites"),  # whole networks, of kernels that the other tests have
    )  # fmt: skip
    assert "no OpenCL device" not in said
    assert " passed" in said
    assert report == "", report[:4000]


def test_faults_are_reported(driver: Path) -> None:
    _, report = watched(driver, "-c", FAULTY)
    assert "Invalid write" in report
    assert "race" in report


def test_some_kernels_keep_within_their_memory(driver: Path) -> None:
    clean(driver, SOME)


@pytest.mark.full
def test_all_kernels_keep_within_their_memory(driver: Path) -> None:
    clean(driver, ALL)
