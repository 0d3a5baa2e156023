"""The journal of started runs: a chain that is only added to, and goes on after a kill in the midst of a line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from bench.records.plan import RunPlan
from bench.records.record import Run
from bench.records.untrusted import BadFile
from bench.store.journal import JOURNAL, START, lines_of, note, plan_hash, read_journal

from ..fixtures import HOST


def run(name: str, **plan: object) -> Run:
    return Run(
        suite_version="1",
        run_id=name,
        started_at="2026-11-25T00:00:00+00:00",
        status="complete",
        plan=RunPlan(**plan),  # type: ignore[arg-type]
        host=HOST,
        measurements=(),
    )


def test_each_line_holds_the_hash_of_the_one_before(tmp_path: Path) -> None:
    for name in ("a", "b"):
        note(tmp_path, run(name), "started")
        note(tmp_path, run(name), "ended")
    plain = [msgspec.json.decode(line) for line in (tmp_path / JOURNAL).read_bytes().splitlines()]
    raw = (tmp_path / JOURNAL).read_bytes().splitlines()
    assert [line["number"] for line in plain] == [1, 2, 3, 4]
    assert [line["previous"] for line in plain] == [START, *(hashlib.sha256(line).hexdigest() for line in raw[:-1])]
    assert [(line["run_id"], line["event"], line["status"]) for line in plain[:2]] == [
        ("a", "started", None),
        ("a", "ended", "complete"),
    ]


@pytest.mark.parametrize("kept", [1, 50, -1])
def test_what_a_kill_cut_off_counts_for_nothing(tmp_path: Path, kept: int) -> None:
    file = tmp_path / JOURNAL
    note(tmp_path, run("a"), "started")
    first = file.read_bytes()
    note(tmp_path, run("b"), "started")
    file.write_bytes(first + file.read_bytes()[len(first) :][:kept])
    assert read_journal(file) == first
    note(tmp_path, run("c"), "started")
    assert [(line.number, line.run_id) for line, _ in lines_of(read_journal(file), "")] == [(1, "a"), (2, "c")]
    assert file.read_bytes().startswith(first)


def test_a_broken_journal_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_text("something else\n")
    with pytest.raises(BadFile, match="broken"):
        note(tmp_path, run("a"), "started")
    assert (tmp_path / JOURNAL).read_text() == "something else\n"


def test_what_may_be_redacted_is_outside_the_hash_of_a_plan_and_all_else_inside() -> None:
    plain = RunPlan()
    assert plan_hash(plain) == plan_hash(RunPlan(settings={"file": "/home/me"}, power=("none",)))
    others = [RunPlan(seed=1), RunPlan(mode="standard"), RunPlan(batch=2), RunPlan(backend="fake")]
    assert len({plan_hash(one) for one in (plain, *others)}) == 5
