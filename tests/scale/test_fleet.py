"""A small simulated fleet from end to end; `python -m tests.scale.fleet` does a thousand nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records.record import Record
from bench.records.versions import load
from bench.store.runs import RECORD

from .fleet import QUERIES, REPETITIONS, Fleet, simulated


@pytest.fixture(scope="module", params=[6, pytest.param(100, marks=pytest.mark.full)])
def fleet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, Fleet]:
    place = tmp_path_factory.mktemp("fleet")
    return request.param, place, simulated(request.param, place, workers=2)


def test_scored_at_once_as_one_by_one(fleet: tuple[int, Path, Fleet]) -> None:
    nodes, _, found = fleet
    assert found.scored.sketches.count.tolist() == [QUERIES] * nodes * REPETITIONS
    for number, trial in enumerate(found.trials):
        assert found.scored.sketches.one(number) == trial.sketch
        for name, figure in found.scored.latencies.metrics(number).items():
            assert figure.refusal == trial.metrics[name].refusal  # p99.9 needs more queries
            assert (figure.value or 0.0) == pytest.approx(trial.metrics[name].value or 0.0, rel=1e-12)
            assert (figure.interval is None) == (trial.metrics[name].interval is None)


def test_every_node_is_kept_and_ranked_and_none_as_measured(fleet: tuple[int, Path, Fleet]) -> None:
    nodes, place, found = fleet
    records = [load(file, Record) for file in sorted(place.glob(f"runs/*/*/{RECORD}"))]
    assert [len(record.trials) for record in records] == [REPETITIONS] * nodes
    assert {record.origin for record in records} == {"synthetic"}
    assert all(len(record.repetitions["latency_p90_ns"]) == REPETITIONS for record in records)
    rows = found.made.rows
    assert len(rows) == nodes
    assert {row.table for row in rows} <= {"self-test", "not-assessed"}
    # A look aside of this machine's may cost a node a finding, which is then told; its figures are kept all the same.
    assert all(row.place is not None or row.remarks for row in rows)
    assert {gate.state for row in rows for gate in row.gates if gate.gate == "origin"} == {"not-met"}
    assert found.figures >= 8 * nodes
