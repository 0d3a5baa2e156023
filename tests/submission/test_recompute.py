"""docs/recompute.sql, which knows nothing of our package, against what our package published."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from bench.records.record import Trial
from bench.records.versions import load
from bench.store.runs import RunFolder

PAGE = Path(__file__).parents[2] / "docs" / "recompute.sql"


def by_sql(timeline: Path) -> dict[str, float]:
    with duckdb.connect() as connection:
        statements = PAGE.read_text().replace("'timeline.parquet'", "'" + str(timeline) + "'")
        found = connection.execute(statements)
        names = [column[0] for column in found.description or []]
        (row,) = found.fetchall()
    return dict(zip(names, row, strict=True))


@pytest.mark.parametrize("name", ["user_model.single_stream.fp32", "user_model.server.fp32"])
@pytest.mark.parametrize("index", [0, 1])
def test_the_figures_are_the_same(kept: RunFolder, name: str, index: int) -> None:
    place = kept.trial(name, index)
    published = load(place / "trial.json", Trial).metrics
    found = by_sql(place / "timeline.parquet")
    shared = [metric for metric in found if metric in published and published[metric].value is not None]
    assert {"latency_p50_ns", "latency_p90_ns", "failed_share"} <= set(shared)
    for metric in shared:
        assert found[metric] == pytest.approx(published[metric].value, rel=1e-9), metric
