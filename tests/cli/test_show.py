"""`bench list run`, `bench show` and `bench report`: every level of a kept run, and what is not one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .things import NAME, Command, complaint, contents, document, only_run, run

OFFLINE = NAME.format("offline")
FLAGS = ("--backend", "fake", "--scenario", "offline", "--format", "json")


@pytest.fixture(scope="module")
def example(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("example")
    assert run(place, "run", "--model", model, *FLAGS).code == 0
    return only_run(place / "results")


@pytest.fixture
def folder(example: Path, tmp_path: Path) -> Path:
    """A kept run, each test its own copy."""
    target = tmp_path / "results" / "runs" / example.name
    shutil.copytree(example, target)
    return target


def test_every_level_by_every_name(bench: Command, folder: Path, tmp_path: Path) -> None:
    levels = {"": "run.json", OFFLINE: "record.json", f"{OFFLINE}/trial-00": "trial.json"}
    for level, file in levels.items():
        kept = folder / level / file
        names = [kept, kept.parent, kept.relative_to(tmp_path), "/".join(filter(None, (folder.name, level)))]
        names.append("/".join(filter(None, ("latest", level))))
        for name in names:
            outcome = bench("show", name, "--format", "json")
            assert outcome.code == 0, outcome
            assert outcome.out == kept.read_text()
            for lang in ("en", "zh"):
                shown = bench("show", name, "--lang", lang)
                assert shown.code == 0, shown
                assert shown.out.strip()
                assert shown.err == ""
    assert bench("show", "--format", "json").out == (folder / "run.json").read_text()


def test_shows_what_is_kept(bench: Command, folder: Path) -> None:
    record = document(folder / OFFLINE / "record.json")
    shown = bench("show", f"latest/{OFFLINE}").out
    assert str(record["model_hash"]).removeprefix("sha256:")[:8] in shown.replace("\n", "")
    assert "not verified" in shown
    assert folder.name in bench("show").out


@pytest.mark.parametrize("command", ["show", "report"])
@pytest.mark.parametrize("name", ["nothing", "", "latest/nothing", "../..", "/dev/null", "20200101T000000Z-0000"])
def test_names_of_nothing(bench: Command, folder: Path, command: str, name: str) -> None:
    outcome = bench(command, name)
    assert outcome.code == 2
    complaint(outcome)
    assert outcome.out == ""


def test_a_name_that_is_nearly_one(bench: Command, folder: Path) -> None:
    outcome = bench("show", folder.name[:-1])
    assert outcome.code == 2
    assert f"Did you mean '{folder.name}'?" in complaint(outcome)


@pytest.mark.parametrize("command", ["show", "report"])
def test_nothing_kept_yet(bench: Command, tmp_path: Path, command: str) -> None:
    outcome = bench(command)
    assert outcome.code == 2
    assert "no run is kept there yet; `bench run` makes one." in complaint(outcome)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "not usable as JSON"),
        ("{", "not usable as JSON"),
        ('{"schema": 99}', "a newer one wrote it?"),
        ('{"schema": 1}', "missing required field"),
        ("[]", "Expected `object`"),
        ('{"schema": 1, "schema": 1}', "stands twice"),
    ],
)
@pytest.mark.parametrize("file", ["run.json", f"{OFFLINE}/record.json", f"{OFFLINE}/trial-00/trial.json"])
def test_files_that_somebody_spoilt(bench: Command, folder: Path, file: str, content: str, said: str) -> None:
    (folder / file).write_text(content)
    outcome = bench("show", folder / file)
    assert outcome.code == 2
    line = complaint(outcome)
    assert str(folder / file) in line
    assert said in line


def test_list_run(bench: Command, model: Path, folder: Path) -> None:
    assert bench("run", "--model", model, *FLAGS).code == 0
    newest, oldest = bench("list", "run").out.split()
    assert oldest == folder.name
    assert newest != oldest
    assert json.loads(bench("list", "run", "--format", "json").out) == {"run": [newest, oldest]}
    assert bench("list", "run", "--output", "elsewhere").out == ""


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_report_into_the_run_and_elsewhere(bench: Command, folder: Path, tmp_path: Path, lang: str) -> None:
    kept = contents(folder)
    outcome = bench("report", "--lang", lang, "--to", tmp_path / "page")
    assert outcome.code == 0
    assert outcome.out == f"{tmp_path / 'page' / 'report.html'}\n"
    assert contents(folder) == kept
    assert {file.name for file in (tmp_path / "page").iterdir()} == {"report.html", "summary.png"}
    page = (tmp_path / "page" / "report.html").read_text()
    assert folder.name in page
    assert ("离线" in page) is (lang == "zh")
    assert bench("report", folder.name, "--lang", lang).out == f"{folder / 'report.html'}\n"
    assert {name: entry for name, entry in contents(folder).items() if name in kept} == kept


def test_a_report_is_of_a_whole_run(bench: Command, folder: Path) -> None:
    outcome = bench("report", f"latest/{OFFLINE}")
    assert outcome.code == 2
    assert "A report is made of a whole run" in complaint(outcome)


def test_a_report_that_cannot_be_written(bench: Command, folder: Path) -> None:
    outcome = bench("report", "--to", "/proc/page")
    assert outcome.code == 2
    assert "`--to`" in complaint(outcome)
