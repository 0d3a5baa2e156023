"""Kept timelines gone through in parts: as they were written, and within less memory than they would fill."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pytest

from bench.scoring.score import score_single_stream
from bench.store.timeline_file import Table, sample_table, timeline_parts, write_timeline

from ..scoring.reference import closed_loop

ROWS = 12_000_000
ALLOWED = 300 << 20
# What a child may have beyond what it has once all is imported and a short timeline was scored.
CHILD = """
import json, resource, sys
from pathlib import Path
from bench.scoring.streaming import score_streamed
from bench.store.timeline_file import read_timeline, timeline_parts
short, long, allowed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
score_streamed(lambda: timeline_parts(short))
held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + allowed, held + allowed))
try:
    read_timeline(long)
    whole = True
except Exception:
    whole = False
score = score_streamed(lambda: timeline_parts(long))
print(json.dumps([whole, {name: figure.value for name, figure in score.metrics.items()}, score.sketch.count]))
"""


@pytest.mark.parametrize("part", [1, 7, 1000])
@pytest.mark.parametrize("status", ["whole", "failing"])
def test_parts_are_what_was_written(tmp_path: Path, part: int, status: str) -> None:
    failing = (np.arange(1000) % 9 == 0).astype(np.uint8) if status == "failing" else None
    columns = closed_loop(np.arange(1000) % 13 + 1, status=failing)
    write_timeline(tmp_path / "t.parquet", sample_table(columns, None))
    found = list(timeline_parts(tmp_path / "t.parquet", part))
    assert [len(one.ended_ns) for one in found] == [min(part, 1000 - first) for first in range(0, 1000, part)]
    for name in ("scheduled_ns", "ended_ns", "status"):
        assert np.concatenate([getattr(one, name) for one in found]).tolist() == getattr(columns, name).tolist()


def test_a_timeline_of_which_nothing_varies(tmp_path: Path) -> None:
    table: Table = {name: np.full(5, 3) for name in ("scheduled", "ended", "status")}
    write_timeline(tmp_path / "t.parquet", table)
    assert [one.ended_ns.tolist() for one in timeline_parts(tmp_path / "t.parquet", 4)] == [[3] * 4, [3]]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1" + bytes(40) + b"PAR1"])
def test_what_is_no_timeline_is_told(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "t.parquet"
    with pytest.raises(FileNotFoundError):
        next(timeline_parts(file))
    file.write_bytes(content)
    with pytest.raises(ValueError, match=r"t\.parquet"):
        next(timeline_parts(file))
    duckdb.connect().execute(f"COPY (SELECT 1 AS ended) TO '{file}' (FORMAT parquet)")
    with pytest.raises(ValueError, match="how many rows"):
        next(timeline_parts(file))


@pytest.mark.full
@pytest.mark.timeout(300)
def test_a_timeline_larger_than_memory_is_scored(tmp_path: Path) -> None:
    """The child may have 300 MiB more than it has after a short one, and cannot read this one whole."""
    rng = np.random.default_rng(3)
    columns = closed_loop(rng.lognormal(13, 0.4, ROWS).astype(np.int64))
    write_timeline(tmp_path / "long.parquet", sample_table(columns, None))
    write_timeline(tmp_path / "short.parquet", sample_table(closed_loop(np.arange(1, 300_000)), None))
    arguments = [sys.executable, "-c", CHILD, str(tmp_path / "short.parquet"), str(tmp_path / "long.parquet")]
    ended = subprocess.run([*arguments, str(ALLOWED)], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    whole, figures, count = json.loads(ended.stdout)
    assert not whole
    assert count == ROWS
    expected = score_single_stream(columns).metrics
    for name, value in figures.items():
        assert value == pytest.approx(expected[name].value, rel=1e-12), name
