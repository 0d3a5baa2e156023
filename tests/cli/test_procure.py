"""`bench policy` and `bench procure` from the command line, once with good input and with bad."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from ..procurement.made import candidate, drawn, folder_of, policy, toml_of
from ..workbook.read import opened, rows_of
from .things import run


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(toml_of(policy()), encoding="utf-8")
    return file


def test_a_list_is_made_of_folders_and_what_cannot_be_read(rules: Path, tmp_path: Path) -> None:
    good = [
        folder_of(candidate(number, drawn(number, speed)), tmp_path / "runs") for number, speed in ((1, 1.0), (2, 1.3))
    ]
    torn = tmp_path / "torn.tar"
    torn.write_bytes(b"no archive")
    outcome = run(tmp_path, "procure", rules, *good, torn, "-o", tmp_path / "out", "--as-of", "2026-11-25")
    assert outcome.code == 0, outcome
    for words in ("Self-tests", "1 of 1 pairs differ", "Not assessed", "cannot be read"):
        assert words in outcome.out
    kept = json.loads((tmp_path / "out" / "list.json").read_text())
    assert [row["table"] for row in kept["rows"]] == ["self-test", "self-test", "not-assessed"]
    assert [row["place"]["place"] for row in kept["rows"][:2]] == [2, 1]
    lines = list(csv.reader((tmp_path / "out" / "list.csv").open(encoding="utf-8-sig")))
    assert len(lines) == 4
    scores = rows_of(opened((tmp_path / "out" / "list.xlsx").read_bytes())["Scores"])
    assert [row["composite"] for row in scores] == [row["place"]["score"] for row in kept["rows"][:2]]


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["policy", "check", "none.toml"], "none.toml: cannot be read: No such file or directory", 2),
        (["policy", "new", "finence"], "Did you mean 'finance'?", 2),
        (["policy", "new", "finance", "--system", "S"], "`--system` goes with `--reference`", 2),
        (["policy", "new", "finance", "--reference", "nothing"], "There is no record 'nothing'", 2),
        (["procure", "none.toml"], "none.toml: cannot be read: No such file or directory", 2),
    ],
)
def test_bad_requests_are_one_line(tmp_path: Path, arguments: list[str], words: str, code: int) -> None:
    outcome = run(tmp_path, *arguments)
    assert (outcome.code, outcome.out) == (code, "")
    assert words in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_wrong_policy_is_explained_and_not_used(rules: Path, tmp_path: Path) -> None:
    rules.write_text(rules.read_text(encoding="utf-8").replace("weight = 0.4", "weight = 0.7"), encoding="utf-8")
    checked = run(tmp_path, "policy", "check", rules)
    assert (checked.code, checked.out) == (2, "terms: the weights sum to 1.3, expected 1.\n")
    assert "the weights sum to 1.3" in run(tmp_path, "procure", rules).err


def test_particulars_of_a_run_that_nobody_handed_in_are_refused(rules: Path, tmp_path: Path) -> None:
    declared = tmp_path / "particulars.toml"
    declared.write_text('[20260101T000000Z-0000]\nbrand = "B"\n')
    outcome = run(tmp_path, "procure", rules, "--particulars", declared)
    assert outcome.code == 2
    assert "no submission is of run '20260101T000000Z-0000'" in outcome.err


def test_nothing_handed_in_is_a_list_of_nothing(rules: Path, tmp_path: Path) -> None:
    outcome = run(tmp_path, "procure", rules)
    assert outcome.code == 11
    assert "Nothing was handed in." in outcome.out


def test_a_template_is_written_once(tmp_path: Path) -> None:
    assert run(tmp_path, "policy", "new", "edge").code == 0
    assert run(tmp_path, "policy", "check", tmp_path / "edge.toml").code == 0
    again = run(tmp_path, "policy", "new", "edge")
    assert (again.code, "is there already" in again.err) == (2, True)
