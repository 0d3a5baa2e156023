"""The archives and the policy under results/demo: measured, verifiable, and ranked as its page says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from ..cli.things import run

DEMO = Path(__file__).parents[2] / "results" / "demo"
POLICY = DEMO / "demonstration.toml"
ARCHIVES = sorted(DEMO.glob("*.tar"))


def test_there_are_several_engines() -> None:
    assert len(ARCHIVES) >= 3


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.stem)
def test_nothing_is_violated(archive: Path, tmp_path: Path) -> None:
    outcome = run(tmp_path, "verify", archive, "--unsigned", "--format", "json")
    verdicts = {item["check"]: item["verdict"] for item in json.loads(outcome.out)["items"]}
    assert outcome.code == 0, outcome
    assert "violates" not in verdicts.values()
    assert verdicts["figures"] == "conforms"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("demo")
    outcome = run(folder, "procure", POLICY, *ARCHIVES, "-o", folder / "list", "--as-of", "2026-11-27")
    assert outcome.code == 0, outcome
    found: dict[str, object] = json.loads((folder / "list" / "list.json").read_text())
    return found


def test_all_are_ranked_as_self_tests_and_none_is_eligible(made: dict[str, object]) -> None:
    rows = made["rows"]
    assert isinstance(rows, list)
    assert [row["table"] for row in rows] == ["self-test"] * len(ARCHIVES)
    assert all(row["place"]["place"] >= 1 for row in rows)
    assert {row["origin"] for row in rows} == {"measured"}


def test_the_reference_is_one_of_the_archives_and_scores_one(made: dict[str, object]) -> None:
    reference = tomllib.loads(POLICY.read_text())["reference"]["run_id"]
    rows = made["rows"]
    assert isinstance(rows, list)
    (score,) = [row["place"]["score"] for row in rows if row["run_id"] == reference]
    assert score == pytest.approx(1.0, rel=1e-9)
