"""`bench policy` and `bench procure` from the command line, once with good input and with bad."""

from __future__ import annotations

import csv
import hashlib
import json
from pathlib import Path

import pytest

from ..procurement.made import COMMAND, candidate, drawn, folder_of, policy, toml_of
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


def test_a_slip_in_a_field_of_particulars_is_named_with_the_nearest(rules: Path, tmp_path: Path) -> None:
    one = candidate(1, drawn(1))
    folder, declared = folder_of(one, tmp_path / "runs"), tmp_path / "particulars.toml"
    declared.write_text(f'["{one.run.run_id}"]\nbrandd = "B"\n')
    outcome = run(tmp_path, "procure", rules, folder, "--particulars", declared)
    assert outcome.code == 2
    assert "brandd" in outcome.err
    assert "Did you mean `brand`?" in outcome.err
    near = f"{one.run.run_id[:-1]}x"
    declared.write_text(f'["{near}"]\nbrand = "B"\n')
    outcome = run(tmp_path, "procure", rules, folder, "--particulars", declared)
    assert f"Did you mean '{one.run.run_id}'?" in outcome.err


def test_headings_are_in_the_language_asked_for(rules: Path, tmp_path: Path) -> None:
    folder = folder_of(candidate(1, drawn(1)), tmp_path / "runs")
    for lang, ratio in (("en", "over reference"), ("zh", "与参考机之比")):
        assert run(tmp_path, "procure", rules, folder, "-o", tmp_path / lang, "--lang", lang).code == 0
        (headings, *_) = csv.reader((tmp_path / lang / "list.csv").open(encoding="utf-8-sig"))
        assert f"{COMMAND} {ratio}" in headings
        assert not any(heading.endswith(" ratio") for heading in headings)


def test_a_reference_that_is_kept_here_must_hold_the_gates(tmp_path: Path) -> None:
    one = candidate(1, drawn(1), formal=False)
    folder = folder_of(one, tmp_path / "results" / "runs")
    sha256 = hashlib.sha256((folder / "run.json").read_bytes()).hexdigest()
    file = tmp_path / "policy.toml"
    file.write_text(
        toml_of(policy()).replace(
            'system = "constants"', f'system = "s"\nrun_id = "{one.run.run_id}"\nsha256 = "{sha256}"'
        )
    )
    checked = run(tmp_path, "policy", "check", file, "-o", tmp_path / "results")
    assert checked.code == 2
    assert "reference.values" in checked.out
    elsewhere = run(tmp_path, "policy", "check", file, "-o", tmp_path / "none")
    assert elsewhere.code == 0, elsewhere
    assert "was not checked" in elsewhere.out


def test_a_long_list_is_cut_in_a_terminal_and_whole_as_csv(rules: Path, tmp_path: Path) -> None:
    folders = [folder_of(candidate(number, drawn(number, k=2)), tmp_path / "runs") for number in range(203)]
    outcome = run(tmp_path, "procure", rules, *folders, "--as-of", "2026-11-25")
    assert outcome.code == 0
    assert "3 more rows" in outcome.out
    assert "pairs differ" not in outcome.out  # they are not listed, and none is not what is known
    whole = run(tmp_path, "procure", rules, *folders, "--as-of", "2026-11-25", "--format", "csv")
    assert len(list(csv.reader(whole.out.splitlines()))) == 204


def test_nothing_handed_in_is_a_list_of_nothing(rules: Path, tmp_path: Path) -> None:
    outcome = run(tmp_path, "procure", rules)
    assert outcome.code == 11
    assert "Nothing was handed in." in outcome.out


def test_a_template_is_written_once(tmp_path: Path) -> None:
    assert run(tmp_path, "policy", "new", "edge").code == 0
    assert run(tmp_path, "policy", "check", tmp_path / "edge.toml").code == 0
    again = run(tmp_path, "policy", "new", "edge")
    assert (again.code, "is there already" in again.err) == (2, True)
