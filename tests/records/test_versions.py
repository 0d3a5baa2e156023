"""`bench.records.versions`: every schema version so far loads; newer and senseless ones are refused in one line."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest

from bench.records import versions
from bench.records.record import Record, Run, Trial
from bench.records.untrusted import BadFile
from bench.records.versions import load
from bench.store.files import write_record

from .examples import BY_NAME, RECORD, RUN, TRIAL

DATA = Path(__file__).parent.parent / "data" / "records"
KINDS: dict[str, type] = {"run.json": Run, "record.json": Record, "trial.json": Trial}
OLD = sorted(DATA.glob("v*/*.json"))


@pytest.mark.parametrize("name", KINDS)
def test_records_come_back_as_they_were_kept(tmp_path: Path, name: str) -> None:
    write_record(tmp_path / name, BY_NAME[name])
    assert load(tmp_path / name, KINDS[name]) == BY_NAME[name]


@pytest.mark.parametrize("file", OLD, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_records_of_every_version_so_far_load(file: Path) -> None:
    """Kept by a run of the fake backend, one folder per schema version (`v1`, `v2`, …); never rewritten."""
    kept = load(file, KINDS[file.name])
    assert kept.schema == versions.SCHEMA
    if isinstance(kept, Record):
        assert kept.metrics[kept.primary].value is not None


def test_there_is_a_record_of_every_kind_and_version() -> None:
    expected = {(f"v{version}", name) for version in range(1, versions.SCHEMA + 1) for name in KINDS}
    assert {(file.parent.name, file.name) for file in OLD} == expected


@pytest.mark.parametrize("version", [0, -1, 2, 99, "1", 1.0, True, None, [1]])
def test_an_unknown_version_is_refused(tmp_path: Path, version: object) -> None:
    plain = msgspec.to_builtins(TRIAL) | {"schema": version}
    (tmp_path / "trial.json").write_text(json.dumps(plain))
    with pytest.raises(BadFile, match=r"trial\.json: .*(schema|Expected)"):
        load(tmp_path / "trial.json", Trial)


def test_a_missing_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(BadFile, match="schema version is None; this program knows 1 to 1"):
        load(tmp_path / "run.json", Run)


def test_a_record_of_another_kind_is_refused(tmp_path: Path) -> None:
    write_record(tmp_path / "run.json", RECORD)
    with pytest.raises(BadFile, match="missing required field"):
        load(tmp_path / "run.json", Run)


def test_a_wrong_field_is_named_with_its_path(tmp_path: Path) -> None:
    plain = msgspec.to_builtins(RUN)
    plain["host"]["cores_usable"] = "two"
    (tmp_path / "run.json").write_text(json.dumps(plain))
    with pytest.raises(BadFile, match=r"Expected `int`, got `str` - at `\$\.host\.cores_usable`"):
        load(tmp_path / "run.json", Run)


def test_older_versions_are_raised_step_by_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {
        1: lambda plain: plain | {"seed": plain.pop("chance") + 1},
        2: lambda plain: plain | {"seed": plain["seed"] * 10},
    }
    monkeypatch.setattr(versions, "SCHEMA", 3)
    monkeypatch.setattr(versions, "UPGRADES", steps)
    plain = msgspec.to_builtins(TRIAL)
    plain["chance"] = plain.pop("seed")
    (tmp_path / "trial.json").write_text(json.dumps(plain))
    kept = load(tmp_path / "trial.json", Trial)
    assert kept.schema == 3
    assert kept.seed == (TRIAL.seed + 1) * 10
