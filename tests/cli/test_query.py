"""`bench query` from the command line: ready questions, SQL, and what cannot be asked."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ..procurement.made import candidate, drawn, folder_of
from .things import run


@pytest.fixture
def results(tmp_path: Path) -> Path:
    for number, speed in ((1, 1.0), (2, 1.5)):
        folder_of(candidate(number, drawn(number, speed)), tmp_path / "results" / "runs")
    return tmp_path


def test_ready_questions_are_answered(results: Path) -> None:
    best = run(results, "query", "runs", "--format", "json")
    assert best.code == 0
    assert [entry["measurements"] for entry in json.loads(best.out)] == [2, 2]
    assert "speech_command" in run(results, "query", "--sql", "SELECT DISTINCT workload FROM figures").out
    heading, *lines = csv.reader(io.StringIO(run(results, "query", "best", "--format", "csv").out))
    assert heading[:2] == ["workload", "scenario"]
    (fastest,) = lines  # the primary figure of the other record is not among those that were made up
    assert float(fastest[heading.index("value")]) == pytest.approx(1e7 / 1.5, rel=0.02)
    assert run(results, "query", "channels", "--watts", "150").code == 0


def test_without_a_question_the_columns_are_told(tmp_path: Path) -> None:
    outcome = run(tmp_path, "query")
    assert outcome.code == 0
    assert "quality_passed" in outcome.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["bets"], "Did you mean 'best'?"),
        (["best", "--sql", "SELECT 1"], "are two questions; ask one"),
        (["best", "--watts", "5"], "`--watts` goes with the question `channels`"),
        (["--sql", "SELEC 1"], "syntax error"),
        (["--sql", "SELECT * FROM read_csv('/etc/passwd')"], "disabled by configuration"),
    ],
)
def test_bad_questions_are_one_line(results: Path, arguments: list[str], words: str) -> None:
    outcome = run(results, "query", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert words in outcome.err
    assert len(outcome.err.strip().splitlines()) == 1


def test_a_question_without_an_answer_says_so(results: Path) -> None:
    for form in ("table", "json"):
        outcome = run(results, "query", "channels", "--format", form)
        assert outcome.code == 0
        assert outcome.err.strip().endswith("No kept figure answers that.")
