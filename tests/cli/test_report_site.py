"""`bench report` of several runs: a site where it was asked for, and one clear line for what cannot be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import systems

from .things import Command


def test_of_several_runs(bench: Command, tmp_path: Path) -> None:
    runs = [systems.kept_system(tmp_path / "results", number, ("image_classify",)) for number in (1, 2)]
    outcome = bench("report", *runs, "--to", tmp_path / "site", "--lang", "zh", "--output", tmp_path / "results")
    assert (outcome.code, outcome.out) == (0, f"{tmp_path / 'site' / 'index.html'}\n")
    assert 'lang="zh-CN"' in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert (tmp_path / "site" / "en" / "index.html").exists()


def test_of_one_record_in_its_own_place(bench: Command, tmp_path: Path) -> None:
    results = tmp_path / "results"
    run = systems.kept_system(results, 1, ("image_classify",), ("offline",))
    outcome = bench("report", "--site", f"{run}/image_classify.offline.fp32", "--output", results)
    assert (outcome.code, outcome.out) == (0, f"{results / 'site' / 'index.html'}\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["RUN", "nobody"], "There is no record 'nobody'"),
        (["RUN/image_classify.offline.fp32"], "A site takes it: `--site`."),
        (["RUN", "RUN/image_classify.offline.fp32/trial-00"], "name a run or a record"),
        (["RUN", "--site", "--to", "full"], "holds other files, and no report"),
        (["RUN", "--site", "--to", "/proc/site"], "cannot be written to"),
    ],
    ids=["no-such-run", "one-record", "a-trial", "folder-of-others", "not-writable"],
)
def test_what_cannot_be_a_site(bench: Command, tmp_path: Path, arguments: list[str], said: str) -> None:
    results = tmp_path / "results"
    run = systems.kept_system(results, 1, ("image_classify",), ("offline",), repetitions=2)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    named = [text.replace("RUN", run).replace("full", str(tmp_path / "full")) for text in arguments]
    outcome = bench("report", *named, "--output", results)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in outcome.err
    assert outcome.err.count("\n") <= 2
    assert sorted(entry.name for entry in (tmp_path / "full").iterdir()) == ["letter.txt"]
