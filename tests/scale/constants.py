"""The constants that `docs/scale.md` multiplies: `python -m tests.scale.constants` measures them here, in a minute.

Seconds are of the processor, so that other work on the machine does not count (but does slow it down).
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from bench.procurement.candidates import read
from bench.scoring.many import score_many
from bench.scoring.ragged import Ragged
from bench.scoring.ranking import Terms, composite, ranks
from bench.scoring.score import score_single_stream
from bench.scoring.streaming import score_streamed
from bench.store.index import INDEX, refreshed
from bench.store.timeline_file import read_timeline, sample_table, timeline_parts, write_timeline

from ..procurement.made import candidate, drawn, folder_of
from ..scoring.reference import closed_loop

QUERIES, RUNS, SYSTEMS = 4_000_000, 300, 5_000


def seconds(work: Callable[[], object]) -> float:
    """Of the processor, the shorter of two times."""
    took = []
    for _ in range(2):
        begin = time.process_time()
        work()
        took.append(time.process_time() - begin)
    return min(took)


def of_timelines(place: Path) -> dict[str, float]:
    """What a query costs, kept and scored."""
    columns = closed_loop(np.random.default_rng(1).lognormal(13, 0.4, QUERIES).astype(np.int64))
    file, table = place / "timeline.parquet", sample_table(columns, None)
    wrote = seconds(lambda: write_timeline(file, table))
    latency = columns.ended_ns - columns.scheduled_ns
    many = Ragged.of([latency[:1_000_000]] * 4)
    ends = np.tile(columns.ended_ns[:1_000_000], 4)
    tracemalloc.start()
    score_single_stream(columns)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return {
        "timeline_bytes_per_query": file.stat().st_size / QUERIES,
        "timeline_written_ns_per_query": 1e9 * wrote / QUERIES,
        "timeline_read_ns_per_query": 1e9 * seconds(lambda: read_timeline(file)) / QUERIES,
        "scored_ns_per_query": 1e9 * seconds(lambda: score_single_stream(columns)) / QUERIES,
        "scored_in_parts_ns_per_query": 1e9 * seconds(lambda: score_streamed(lambda: timeline_parts(file))) / QUERIES,
        "scored_many_ns_per_query": 1e9 * seconds(lambda: score_many(many, ends, np.zeros(4, np.int64))) / QUERIES,
        "scoring_memory_bytes_per_query": peak / QUERIES,
        "columns_bytes_per_query": float(sum(getattr(columns, name).itemsize for name in _COLUMNS)),
    }


_COLUMNS = ("scheduled_ns", "started_ns", "ended_ns", "first_query", "queries", "worker", "status")


def of_records(place: Path) -> dict[str, float]:
    """What a run of two records costs, kept, indexed and read for a list."""
    folders = [folder_of(candidate(number, drawn(number)), place / "runs") for number in range(RUNS)]
    figures = 4 * RUNS  # primary and quality of two records

    def indexed() -> None:
        (place / INDEX).unlink(missing_ok=True)
        refreshed(place)[0].execute("SELECT count(*) FROM figures").fetchall()

    sizes = {name: [file.stat().st_size for file in place.glob(f"runs/**/{name}.json")] for name in _FILES}
    return {
        **{f"{name}_json_bytes": float(np.mean(found)) for name, found in sizes.items()},
        "index_filled_ms_per_run": 1e3 * seconds(indexed) / RUNS,
        "index_bytes_per_figure": (place / INDEX).stat().st_size / figures,
        "read_for_a_list_ms_per_run": 1e3 * seconds(lambda: [read(folder, None) for folder in folders]) / RUNS,
    }


_FILES = ("run", "record", "trial")


def of_ranking() -> dict[str, float]:
    """What a pair of systems costs."""
    rng = np.random.default_rng(1)
    logs = 0.3 * rng.normal(size=(SYSTEMS, 7, 1)) + 0.01 * rng.normal(size=(SYSTEMS, 7, 5))
    shape = (SYSTEMS, 7)
    terms = Terms(
        mean=logs.mean(axis=2),
        variance=logs.var(axis=2, ddof=1) / 5,
        degrees=np.full(shape, 4.0),
        resolution=np.zeros(shape),
    )
    scores = composite(terms, np.full(7, 1 / 7))
    return {"ranked_ns_per_pair": 1e9 * seconds(lambda: ranks(scores, 0.05, 0.02)) / (SYSTEMS * (SYSTEMS - 1) / 2)}


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        found = {**of_timelines(Path(place)), **of_records(Path(place)), **of_ranking()}
    sys.stdout.write(
        json.dumps(msgspec.to_builtins({name: round(value, 3) for name, value in found.items()}), indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
