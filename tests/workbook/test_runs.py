"""Kept runs as a workbook, and `bench export xlsx` from the command line."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.comparing.kept import kept_records
from bench.records.findings import finding
from bench.records.numbers import Measured, Refusal
from bench.text import LANGUAGES, sentence
from bench.workbook.runs import runs_workbook

from ..cli.things import complaint, run
from ..procurement.made import COMMAND, OFFLINE, candidate, drawn, folder_of
from .read import formulas_and_links, opened, rows_of


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for number, speed in ((1, 1.0), (2, 1.5)):
        made = candidate(number, drawn(number, speed))
        refused = Measured(refusal=Refusal(code="too-few-queries", seen=37, limit=662))
        for name, record in made.records.items():
            made.records[name] = msgspec.structs.replace(
                record,
                run_id=made.run.run_id,
                trials=tuple(f"trial-{trial.index:02d}" for trial in made.trials[name]),
                metrics={**record.metrics, "latency_p999_ns": refused},
                findings=(finding("host-busy", "standard", seen=0.25, limit=0.05),),
            )
        folder_of(made, tmp_path / "results" / "runs")
    return tmp_path / "results"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_figure_is_there_with_all_its_digits(results: Path, lang: str) -> None:
    kept = [
        one for place in sorted((results / "runs").iterdir()) for one in kept_records(place / "run.json", "x").values()
    ]
    content = runs_workbook(kept, lang)
    assert formulas_and_links(content) == []
    assert runs_workbook(kept, lang) == content
    book = opened(content)
    column = {
        key: sentence(lang, f"column.{key}")
        for key in ("run_id", "measurement", "code", "value", "low", "high", "refused")
    }
    rows = rows_of(book[sentence(lang, "workbook.sheet_figures")])
    figures = {(row[column["run_id"]], row[column["measurement"]], row[column["code"]]): row for row in rows}
    for one in kept:
        for metric, figure in one.record.metrics.items():
            row = figures.pop((one.record.run_id, one.name, metric))
            ends = (figure.interval.low, figure.interval.high) if figure.interval else (None, None)
            assert (row[column["value"]], row[column["low"]], row[column["high"]]) == (figure.value, *ends)
            assert row[column["refused"]] == (figure.refusal.code if figure.refusal else None)
    assert figures == {}
    repeated = rows_of(book[sentence(lang, "workbook.sheet_repetitions")])
    assert [row[column["value"]] for row in repeated] == [
        value for one in kept for values in one.values.values() for value in values
    ]
    assert len(repeated) == 20, "two metrics of two runs, five repetitions each"
    found = rows_of(book[sentence(lang, "workbook.sheet_findings")])
    assert {row[column["code"]] for row in found} == {"host-busy"}
    assert len(rows_of(book[sentence(lang, "workbook.sheet_summary")])) == 4
    assert len({row[column["run_id"]] for row in rows_of(book[sentence(lang, "workbook.sheet_environment")])}) == 2


def test_from_the_command_line(results: Path) -> None:
    folder = results.parent
    first, second = sorted(place.name for place in (results / "runs").iterdir())
    newest = run(folder, "export", "xlsx", "one.xlsx")
    assert (newest.code, newest.out) == (0, "one.xlsx\n")
    summary = rows_of(opened((folder / "one.xlsx").read_bytes())["Summary"])
    assert {row["run"] for row in summary} == {second}, "the latest where none is named"
    workload, scenario, _ = OFFLINE.split(".")
    part = f"{first}/{workload}.{scenario}.fp32"
    assert run(folder, "export", "xlsx", first, second, part, "both.xlsx", "--lang", "zh").code == 0
    rows = rows_of(opened((folder / "both.xlsx").read_bytes())["汇总"])
    assert len(rows) == 4, "what is named twice is there once"
    assert COMMAND.split(".")[0] in "".join(row["测量项"] for row in rows)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["latest", "table.csv"], "table.csv: the name of a workbook ends with .xlsx."),
        (["nothing", "a.xlsx"], "There is no record 'nothing'"),
        (["latest", "/proc/a.xlsx"], "/proc"),
        ([], "Missing argument"),
    ],
)
def test_what_cannot_be_exported_is_one_line(results: Path, arguments: list[str], said: str) -> None:
    outcome = run(results.parent, "export", "xlsx", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in complaint(outcome)
