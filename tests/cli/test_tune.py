"""`bench run --tune`: whole tunings in processes, on a scripted engine whose best batch is known, and their records."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records.record import Record, Trial
from bench.records.versions import load

from .kept import check_every_file, records_of
from .things import NAME, Command, complaint, contents, only_run

BATCHES = ("--backend", "fake", "--scenario", "offline", "--workers", "1", "--threads", "1", "--format", "json")
# 5 ms a call, whatever it holds: sixteen times the batch is sixteen times the throughput, on a busy machine, too.
SLEEPS = ("--setting", "answers=zeros", "--setting", "delay_us=5000")
RUN, OFFLINE = "latest", NAME.format("offline")


def record_of(place: Path) -> Record:
    (record,) = records_of(only_run(place / "results"))
    return record


@pytest.fixture
def few_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.tuning.race.PAIRS", 3)


@pytest.fixture
def few_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The default and four times as many."""
    monkeypatch.setattr("bench.tuning.axes._COARSE", (4,))
    monkeypatch.setattr("bench.tuning.axes._FINE", ())


@pytest.mark.full
def test_the_best_batch_is_chosen_measured_and_told(
    bench: Command, model: Path, tmp_path: Path, few_pairs: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.tuning.axes._COARSE", (16, 64))
    monkeypatch.setattr("bench.tuning.axes._FINE", ())
    sleeps = (*SLEEPS, "--setting", "most_batch=128")
    outcome = bench("run", *BATCHES, *sleeps, "--tune", "--model", model)
    assert outcome.code == 0, outcome
    tuned = record_of(tmp_path)
    tuning, folder = tuned.tuning, only_run(tmp_path / "results")
    assert tuning is not None
    assert tuned.measurement.batch == tuning.chosen.batch == 128
    assert (tuning.reason, tuning.pairs, tuning.metric) == ("ahead", 3, "samples_per_s")
    assert tuning.candidates[0].choice.batch == 8, "the default comes first"
    assert {one.choice.batch for one in tuning.candidates} == {8, 128, 512, 2048, 8192}
    for one in tuning.candidates:
        assert (one.failure is None) == (one.choice.batch <= 128) == bool(one.figures)
        assert all(figure <= one.choice.batch / 0.005 for figure in one.figures), "as fast as the script at most"
    assert not list(folder.rglob("candidate-*/job.json")), "nothing of a trial is kept but the log of a failure"
    check_every_file(tmp_path / "results" / "runs" / folder.name / OFFLINE)
    shown = {lang: bench("show", f"{RUN}/{OFFLINE}", "--lang", lang).out for lang in ("en", "zh")}
    page = (folder / "report.html").read_text() if (folder / "report.html").exists() else None
    for text in ("batch 128, 1 × 1 threads", "out of memory at a batch of 512"):
        assert text in " ".join(shown["en"].split())
    assert "批大小 128，1 × 1 线程" in shown["zh"]
    if page is None:
        assert bench("report", RUN).code == 0
        page = (folder / "report.html").read_text()
    assert "batch 128, 1 × 1 threads" in page

    # The measured repetition is the one that `--batch 128` asks for.
    elsewhere = tmp_path / "elsewhere"
    assert bench("run", *BATCHES, *sleeps, "--batch", "128", "--model", model, "-o", elsewhere).code == 0
    (asked,) = records_of(only_run(elsewhere))
    assert asked.measurement == tuned.measurement
    assert (asked.config_hash, asked.session_hash) == (tuned.config_hash, tuned.session_hash)
    trials = [load(path, Trial) for path in sorted(tmp_path.rglob("trial.json"))]
    assert len(trials) == 2
    assert len({trial.seed for trial in trials}) == 1
    assert trials[0].report is not None
    assert trials[1].report is not None
    assert trials[0].report.load_sha256 == trials[1].report.load_sha256


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("segfault", "SIGSEGV"),
        pytest.param("hang", "took longer than", marks=pytest.mark.full),
        pytest.param("drift", "void", marks=pytest.mark.full),
    ],
)
def test_a_candidate_that_breaks_costs_itself_alone(
    bench: Command, model: Path, tmp_path: Path, few_batches: None, fault: str, told: str
) -> None:
    faulty = ("--setting", f"fault={fault}", "--setting", "fault_over_batch=8", "--setting", "fault_after=20")
    outcome = bench("run", *BATCHES, *SLEEPS, *faulty, "--tune", "--model", model)
    assert outcome.code == 0, outcome
    tuning = record_of(tmp_path).tuning
    assert tuning is not None
    assert (tuning.chosen.batch, tuning.reason) == (8, "default-best")
    (failed,) = [one for one in tuning.candidates if one.failure is not None]
    assert failed.choice.batch == 32
    assert told in str(failed.failure)
    assert "\n" not in str(failed.failure)
    if fault == "segfault":
        assert Path(str(failed.failure).rpartition(" ")[2]).read_bytes(), "the log that the line names is kept"


def test_the_dry_run_says_what_would_be_tried(bench: Command, model: Path, tmp_path: Path) -> None:
    flags = ("run", *BATCHES[:-2], "--tune", "--tune-budget-s", "90", "--model", model, "--dry-run")
    outcome = bench(*flags)
    assert "tuned first, for at most 90 s: batch 1, 2, 4, 8, 16, 32, 128; then around the best of them" in outcome.out
    assert not (tmp_path / "results").exists()
    plan = tmp_path / "plan.json"
    plan.write_text(bench(*flags, "--format", "json").out)
    assert bench("run", "--plan", plan, "--dry-run").out == outcome.out


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (("--tune", "--batch", "8"), "`--tune` has nothing to choose beside `--batch 8 --workers 1 --threads 1`"),
        (("--tune", "--tune-budget-s", "0.5"), "0.5 is not in the range 1<=x<=86400"),
        (("--tune", "--tune-budget-s", "1e6"), "not in the range"),
        (("--tune", "--tune-budget-s", "nan"), "`tune_budget_s` is nan"),
        (("--tune-budget-s", "20"), "`tune_budget_s` goes with `tune`"),
        (("--tune", "--driver", "loadgen"), "it does not go with the driver `loadgen`"),
        (("--tune", "--device", "cart"), "no device 'cart'"),
        (("--tune", "--setting", "delay=1"), "fake has no setting 'delay'"),
    ],
)
def test_bad_flags(bench: Command, model: Path, tmp_path: Path, flags: tuple[str, ...], cause: str) -> None:
    outcome = bench("run", *BATCHES, *flags, "--model", model)
    assert outcome.code == 2
    assert cause in complaint(outcome)
    assert not contents(tmp_path / "results"), "nothing was measured, and nothing stays"
