"""Filling and asking the index of a hundred thousand runs with ten records of ten figures each: a million records."""

from __future__ import annotations

import time
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from pytest_benchmark.fixture import BenchmarkFixture

from bench.cli.query_command import command
from bench.store import index
from bench.store.index import INDEX, columns, refreshed

from ..procurement.made import candidate, drawn, folder_of

RUNS, RECORDS, FIGURES = 100_000, 10, 10


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of which only an empty `run.json` is there, and the index as it would be of their records."""
    results = tmp_path_factory.mktemp("million")
    for number in range(RUNS):
        folder = results / "runs" / f"20260101T000000Z-{number:05x}"
        folder.mkdir(parents=True)
        (folder / "run.json").touch()
    known = {
        "run_id": "printf('20260101T000000Z-%05x', i // 100)",
        "workload": "printf('workload_%d', (i // 10) % 10)",
        "scenario": "'offline'",
        "machine_class": "printf('class %d', (i // 100) % 50)",
        "metric": "printf('metric_%d', i % 10)",
        "is_primary": "i % 10 = 0",
        "value": "1e6 * random()",
        "changed_ns": str(time.time_ns()),
        "status": "'complete'",
        "origin": "'measured'",
        "valid": "true",
        "quality_passed": "true",
    }
    row = ", ".join(f"({known.get(name, 'NULL')})::{kind} AS {name}" for name, kind in columns().items())
    duckdb.connect().execute(
        f"COPY (SELECT {row} FROM range({RUNS * RECORDS * FIGURES}) t(i)) TO '{results / INDEX}' (FORMAT parquet)"
    )
    return results


def asked(results: Path) -> str:
    outcome = CliRunner().invoke(command, ["best", "-o", str(results), "--format", "csv"], standalone_mode=False)
    assert outcome.return_value == 0, outcome.output
    return outcome.output


@pytest.mark.perf
def test_a_million_records_asked(benchmark: BenchmarkFixture, million: Path) -> None:
    answer = benchmark.pedantic(asked, args=(million,), rounds=3, warmup_rounds=1)
    assert len(answer.splitlines()) == 1 + 10 * 50


@pytest.mark.perf
def test_rows_filled_from_records(benchmark: BenchmarkFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long rows take once records are read: what was one row at a time."""
    folder_of(candidate(1, drawn(1)), tmp_path / "runs")
    (entry, *_) = index._entries(next(iter([index.RunFolder(next((tmp_path / "runs").iterdir()))])))
    monkeypatch.setattr(index, "_entries", lambda _: [entry] * 100)
    folders = [index.RunFolder(tmp_path)] * 2000
    rows, broken = benchmark.pedantic(lambda: index._fill(index._connection(), folders), rounds=3)
    assert (rows, broken) == (200_000, [])


@pytest.mark.perf
def test_an_index_made_of_a_thousand_runs(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    for number in range(1000):
        folder_of(candidate(number, drawn(number)), tmp_path / "runs")
    benchmark.pedantic(lambda: refreshed(tmp_path), setup=lambda: (tmp_path / INDEX).unlink(missing_ok=True), rounds=3)
    assert (tmp_path / INDEX).stat().st_size > 0
