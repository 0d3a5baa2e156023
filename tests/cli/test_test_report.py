"""`bench test-report` from the command line: a self-test of a folder, filled in and judged, and bad requests."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from ..procurement.made import candidate, drawn, folder_of
from .test_procure import rules
from .things import run

assert rules  # a fixture


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    return folder_of(candidate(1, drawn(1), changes={"sketch": None}), tmp_path / "results" / "runs")


def test_from_a_template_to_a_report(rules: Path, kept: Path, tmp_path: Path) -> None:
    outcome = run(tmp_path, "test-report", "latest", "--new", "mine.toml", "--lang", "zh")
    assert (outcome.code, outcome.out) == (0, "mine.toml\n")
    template = (tmp_path / "mine.toml").read_text(encoding="utf-8")
    assert set(tomllib.loads(template)) == {kept.name}
    filled = template.replace('client = ""', 'client = "采购中心"').replace("# [[", "[[")
    filled = filled.replace('# name = ""', 'name = "WT310E"')
    (tmp_path / "mine.toml").write_text(filled, encoding="utf-8")
    flags = ("--particulars", "mine.toml", "--policy", rules, "--issued", "2026-11-26", "--lang", "zh", "--to", "out")
    outcome = run(tmp_path, "test-report", kept, *flags)
    assert outcome.code == 0, outcome
    assert "自测: 不予判定" in outcome.out
    text = (tmp_path / "out" / "test-report.html").read_text(encoding="utf-8")
    for word in ("采购中心 △", "WT310E", "2026-11-26", "非资质认定报告", kept.name):
        assert word in text
    assert run(tmp_path, "procure", rules, kept, "--particulars", "mine.toml", "-o", "list").code == 0
    assert {file.name for file in (tmp_path / "list").iterdir()} == {"list.json", "list.csv", "list.html", "list.xlsx"}


def test_json_is_the_whole_inspection_and_writes_nothing(rules: Path, kept: Path, tmp_path: Path) -> None:
    outcome = run(tmp_path, "test-report", kept, "--policy", rules, "--format", "json")
    found = json.loads(outcome.out)
    assert (outcome.code, found["category"], found["conclusion"]) == (0, "self-test", "not-judged")
    assert found["issued_on"] is None
    assert {one["name"] for one in found["files"]} >= {"run.json"}
    assert not (tmp_path / "test-report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "There is no record 'nothing'"),
        (["torn.tar"], "torn.tar"),
        (["latest", "--particulars", "none.toml"], "none.toml: cannot be read"),
        (["latest", "--particulars", "wrong.toml"], "Did you mean `client`?"),
        (["latest", "--particulars", "stranger.toml"], "no submission is of run '20260101T000000Z-0000'"),
        (["latest", "--policy", "wrong.toml"], "wrong.toml"),
        (["latest", "--new", "wrong.toml"], "is there already"),
        (["latest", "--issued", "yesterday"], "does not match the format"),
    ],
)
def test_bad_requests_are_one_line(kept: Path, tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "torn.tar").write_bytes(b"no archive")
    (tmp_path / "wrong.toml").write_text(f'["{kept.name}"]\nclinet = "x"\n', encoding="utf-8")
    (tmp_path / "stranger.toml").write_text('[20260101T000000Z-0000]\nclient = "x"\n', encoding="utf-8")
    outcome = run(tmp_path, "test-report", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1
    assert not (tmp_path / "test-report.html").exists()
