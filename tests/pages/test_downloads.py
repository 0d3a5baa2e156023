"""The files for programs: numbers as they were kept, texts that no spreadsheet takes for formulas."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.pages.site.downloads import SystemRecords, written_csv
from bench.records.metrics import METRICS
from bench.records.record import Record
from bench.records.versions import load
from tests.pages import systems


def rows_of(file: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")))


def records_of(results: Path) -> dict[tuple[str, str], Record]:
    """By run and name of the measurement."""
    found = [load(file, Record) for file in results.rglob("record.json")]
    return {(record.run_id, record.measurement.name): record for record in found}


def test_numbers_are_those_of_the_records(kept: tuple[Path, list[str]], mixed_site: Path) -> None:
    records = records_of(kept[0])
    rows = rows_of(mixed_site / "data" / "results.csv")
    assert len(rows) == sum(len(record.metrics) for record in records.values())
    sound = [row for row in rows if row["run_id"] in kept[1][:3]]
    for row in sound:
        record = records[row["run_id"], f"{row['workload']}.{row['scenario']}.{row['precision_asked']}"]
        figure = record.metrics[row["metric"]]
        assert float(row["value"]) == figure.value
        assert row["unit"] == METRICS[row["metric"]].unit
        assert figure.interval is not None
        assert (float(row["low"]), float(row["high"])) == (figure.interval.low, figure.interval.high)
        assert row["interval"] == figure.interval.kind
        assert (row["mode"], row["state"], row["quality_passed"]) == ("standard", "valid", "true")
    assert len(sound) > 40


def test_void_rows_say_so(mixed_site: Path) -> None:
    rows = rows_of(mixed_site / "data" / "results.csv")
    void = [row for row in rows if row["state"] == "invalid"]
    assert void
    assert all(row["findings"] for row in void)


def test_the_json_has_the_records_themselves(kept: tuple[Path, list[str]], mixed_site: Path) -> None:
    found = msgspec.json.decode((mixed_site / "data" / "records.json").read_bytes(), type=list[SystemRecords])
    assert [system.number for system in found] == [1, 2, 3, 4, 5, 6]
    shown = {(entry.run_id, entry.measurement.name): entry for system in found for entry in system.records}
    replace = msgspec.structs.replace
    assert shown == {key: replace(record, sketch=None) for key, record in records_of(kept[0]).items()}


def test_verdicts_name_both_ways(mixed_site: Path) -> None:
    rows = rows_of(mixed_site / "data" / "comparison.csv")
    verdict = {
        (row["baseline"], row["number"], row["measurement_a"]): row["verdict"]
        for row in rows
        if row["measurement_a"] == "speech_command.offline.fp32"
    }
    assert verdict["1", "2", "speech_command.offline.fp32"] == "better"
    assert verdict["2", "1", "speech_command.offline.fp32"] == "worse"
    unlike = [row for row in rows if row["verdict"] == "unlike"]
    assert {row["reasons"] for row in unlike if "5" in (row["baseline"], row["number"])} == {"mode"}


def test_hostile_texts_are_no_formulas(mixed_site: Path) -> None:
    for file in (mixed_site / "data").glob("*.csv"):
        for row in csv.reader(io.StringIO(file.read_bytes().decode("utf-8-sig"), newline="")):
            for cell in row:
                assert not cell.lstrip().startswith(("=", "+", "@", "＝", "＋", "＠")), cell[:60]
                if cell.lstrip().startswith(("-", "－")):
                    float(cell)
    assert "'=cmd" in (mixed_site / "data" / "results.csv").read_text(encoding="utf-8-sig")
    assert systems.LONG in (mixed_site / "data" / "environment.csv").read_text(encoding="utf-8-sig")


@given(text=st.text(max_size=40), number=st.floats(allow_nan=False, allow_infinity=False))
def test_any_text_and_any_number(text: str, number: float) -> None:
    content = written_csv(["text", "number"], [(text, number)]).decode("utf-8-sig")
    (_, (cell, value)) = csv.reader(io.StringIO(content, newline=""))
    assert float(value) == number
    assert not cell.lstrip().startswith(("=", "+", "-", "@"))
    assert not set("\r\n\t\x00") & set(cell)


@pytest.mark.parametrize(("value", "cell"), [(None, ""), (True, "true"), (3, "3"), (-1.5, "-1.5"), ("\t=1", "' =1")])
def test_cells(value: str | float | None, cell: str) -> None:
    assert written_csv(["x"], [(value,)]).decode("utf-8-sig") in (f"x\r\n{cell}\r\n", f'x\r\n"{cell}"\r\n')
