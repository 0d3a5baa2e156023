"""The largest site there is to be: 20 systems, 7 workloads, 4 scenarios, within 2 GB and pages of 5 MB."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest

from bench.records.plan import Scenario
from bench.store.runs import TRIAL
from tests.pages import systems

WORKLOADS = (
    *("image_classify", "image_classify_edge", "object_detect", "face_verify"),
    *("speech_command", "speech_recognize", "video_surveil"),
)
SCENARIOS: tuple[Scenario, ...] = ("single_stream", "offline", "server", "ramp")
_MOST_BYTES = 2 << 30
_PAGE_BYTES = 5_000_000


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_the_largest_site_stays_within_memory_and_size(tmp_path: Path) -> None:
    results = tmp_path / "results"
    runs = [
        systems.kept_system(results, number, WORKLOADS, SCENARIOS, speed=1.0 + 0.03 * number) for number in range(1, 21)
    ]
    assert not list(results.rglob("timeline*"))  # there is nothing to open but the sketches
    assert len(list(results.rglob(TRIAL))) == 20 * 7 * 4 * 5
    command = [sys.executable, "-P", "-m", "bench.cli.main", "report", *runs, "--output", str(results)]
    subprocess.run([*command, "--to", str(tmp_path / "site")], check=True, capture_output=True)
    # Of the largest child there was, in kB.
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert most * 1024 < _MOST_BYTES
    pages = list((tmp_path / "site").rglob("*.html"))
    assert len(pages) == 2 * (6 + 7 + 20)
    assert max(page.stat().st_size for page in pages) < _PAGE_BYTES
