"""`bench run --scenario server`: a rate is found, held and kept; what happens where there is none, or it is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.store.timeline_file import read_timeline

from .things import NAME, Command, codes, complaint, document, only_run

FLAGS = ("--backend", "fake", "--scenario", "server", "--format", "json", "--setting", "answers=zeros")
# A service time of 1 ms and more, batches of 1: at most 1000 per second whatever the machine.
SLOW = ("--setting", "delay_us=1000", "--batch", "1")
# Generous, so that a busy test machine does not fail it.
BOUND = ("--latency-bound-ms", "200")


def folder_of(results: Path) -> Path:
    return only_run(results / "results") / NAME.format("server")


def test_a_rate_is_searched_confirmed_and_kept(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", *FLAGS, *SLOW, *BOUND, "--model", model)
    assert outcome.code in (0, 11), outcome  # 11: a machine so busy that no attempt held
    record = document(folder_of(tmp_path) / "record.json")
    search, attempts = record["search"], record["attempts"]
    assert isinstance(search, dict)
    assert isinstance(attempts, list)
    assert 1 <= len(search["trials"]) <= 10
    assert attempts[0]["rate_per_s"] == search["passing_per_s"]
    assert search["passing_per_s"] < 1100
    assert len(record["trials"]) == len(attempts)  # type: ignore[arg-type]
    last = document(folder_of(tmp_path) / record["trials"][-1] / "trial.json")  # type: ignore[index]
    assert last["rate_per_s"] == attempts[-1]["rate_per_s"]
    # The last attempt may be the next higher rate, which should not hold.
    assert (outcome.code == 0) == any(attempt["held"] for attempt in attempts)
    assert not (folder_of(tmp_path) / "searching").exists()


def test_the_kept_timeline_has_a_row_for_every_query(bench: Command, model: Path, tmp_path: Path) -> None:
    bench("run", *FLAGS, "--rate", "3000", "--batch", "4", "--workers", "2", *BOUND, "--model", model)
    table = read_timeline(folder_of(tmp_path) / "trial-00" / "timeline.parquet")
    assert table["query"].tolist() == list(range(len(table["query"])))
    assert len(table["query"]) >= 662
    assert (table["started"] >= table["scheduled"]).all()
    assert (table["ended"] >= table["started"]).all()
    assert (table["scheduled"][1:] >= table["scheduled"][:-1]).all()
    assert set(table["sample"].tolist()) == set(range(64))


def test_a_fixed_rate_that_is_too_high_is_void(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", *FLAGS, *SLOW, "--rate", "5000", "--latency-bound-ms", "20", "--model", model)
    assert outcome.code == 11
    assert {"bound-missed", "overloaded"} <= codes(folder_of(tmp_path) / "record.json")


def test_a_bound_below_the_service_time_is_a_result(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", *FLAGS, *SLOW, "--latency-bound-ms", "0.5", "--model", model)
    assert outcome.code == 0, outcome
    record = document(folder_of(tmp_path) / "record.json")
    assert "no-rate-holds-bound" in codes(folder_of(tmp_path) / "record.json")
    assert record["trials"] == []
    assert record["device"] is not None
    assert record["status"] == "complete"


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        ((), "has no latency bound for server; say which one must hold: `--latency-bound-ms`"),
        (("--latency-bound-ms", "0"), "latency-bound-ms"),
        (("--latency-bound-ms", "nan"), "latency_bound_ms"),
        ((*BOUND, "--rate", "-1"), "rate"),
        ((*BOUND, "--max-wait-us", "inf"), "max_wait_us"),
    ],
)
def test_bad_flags(bench: Command, model: Path, flags: tuple[str, ...], cause: str) -> None:
    outcome = bench("run", *FLAGS, *flags, "--model", model)
    assert outcome.code == 2
    assert cause in complaint(outcome)


@pytest.mark.parametrize("fault", ["segfault", "raise-all", "exit"])
def test_an_engine_that_dies_during_the_search(bench: Command, model: Path, tmp_path: Path, fault: str) -> None:
    flags = ["--setting", f"fault={fault}", "--setting", "fault_after=120"]
    outcome = bench("run", *FLAGS, *SLOW, *BOUND, *flags, "--model", model)
    assert outcome.code == 11
    complaint(outcome)
    assert "repetition-failed" in codes(folder_of(tmp_path) / "record.json")


def test_a_finished_search_is_not_done_again(bench: Command, model: Path, tmp_path: Path) -> None:
    """With a budget that is used up after the search, `--resume` goes on from its rate."""
    flags = (*FLAGS, *SLOW, *BOUND, "--model", model)
    assert bench("run", *flags, "--budget-s", "0.001").code == 11
    before = (folder_of(tmp_path) / "search.json").read_bytes()
    assert document(folder_of(tmp_path) / "record.json")["trials"] == []
    outcome = bench("run", "--resume", "latest", "--format", "json")
    assert outcome.code in (0, 11)
    assert (folder_of(tmp_path) / "search.json").read_bytes() == before
    record = document(folder_of(tmp_path) / "record.json")
    assert record["attempts"][0]["rate_per_s"] == record["search"]["passing_per_s"]  # type: ignore[index]
