"""The tables in `bench.records`: findings, metrics, published schemas."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from bench.records.findings import CODES, finding, is_valid
from bench.records.metrics import METRICS, PRIMARY
from bench.records.plan import MODES, SCENARIOS
from bench.records.record import Record
from bench.records.schema import PUBLISHED, schema_text, write_schemas

from .examples import RECORD

SCHEMAS = Path(__file__).parent.parent.parent / "docs" / "schema"


def test_codes_are_english_kebab_case() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in CODES)


@pytest.mark.parametrize("mode", MODES)
def test_every_code_has_a_severity_in_every_mode(mode: str) -> None:
    assert {finding(code, mode).severity for code in CODES} <= {"info", "warning", "error"}  # type: ignore[arg-type]


def test_no_mode_is_stricter_in_a_look_than_in_earnest() -> None:
    order = ["info", "warning", "error"]
    for code in CODES:
        quick, standard = finding(code, "quick").severity, finding(code, "standard").severity
        assert order.index(quick) <= order.index(standard)


def test_an_unknown_code_is_a_programming_error() -> None:
    with pytest.raises(KeyError):
        finding("no-such-code", "quick")


def test_one_error_makes_a_record_invalid() -> None:
    info, error = finding("quality-subset", "quick"), finding("output-mismatch", "quick")
    assert is_valid(())
    assert is_valid((info,))
    assert not is_valid((info, error))


def test_a_record_is_valid_when_it_is_complete_and_nothing_voids_it() -> None:
    def changed(**fields: object) -> Record:
        return msgspec.structs.replace(RECORD, **fields)

    assert changed(findings=()).valid
    assert not changed(findings=(), status="partial").valid
    assert not changed(findings=(finding("busy-time", "quick"),)).valid


def test_every_scenario_has_a_primary_metric_that_is_defined() -> None:
    assert set(PRIMARY) == set(SCENARIOS)
    assert set(PRIMARY.values()) <= set(METRICS)


def test_units_are_those_of_the_names() -> None:
    for name, metric in METRICS.items():
        assert metric.id == name
        shares = {"channels": "channels", "real_time_factor": "s/s"}.get(name, "1")
        units = {"_ns": "ns", "_per_s": "1/s", "_j": "J"}
        assert metric.unit == next((unit for ending, unit in units.items() if name.endswith(ending)), shares)
        assert metric.better == ("lower" if metric.unit in ("ns", "J", "s/s") or name.endswith("_share") else "higher")


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_schemas_are_up_to_date(name: str) -> None:
    expected = schema_text(PUBLISHED[name])
    assert (SCHEMAS / f"{name}.json").read_text() == expected, "run: python -m bench.records.schema docs/schema"


def test_schemas_are_written_as_they_are_published(tmp_path: Path) -> None:
    write_schemas(tmp_path / "new")
    assert {file.stem for file in (tmp_path / "new").iterdir()} == set(PUBLISHED)
