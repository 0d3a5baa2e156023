"""`bench run --driver loadgen`: what it refuses, with exit code 2; what it keeps and shows."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from .things import NAME, Command, complaint, document, only_run

FLAGS = ("run", "--driver", "loadgen", "--backend", "fake", "--setting", "answers=zeros")
SERVER = ("--scenario", "server", "--latency-bound-ms", "200")
INSTALLED = importlib.util.find_spec("mlperf_loadgen") is not None
needs_loadgen = pytest.mark.skipif(not INSTALLED, reason="the extra `mlperf` is not installed")


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (("--scenario", "streams"), "LoadGen has no scenario 'streams'; `--driver loadgen` takes single_stream, "),
        (("--scenario", "ramp"), "LoadGen has no scenario 'ramp'"),
        (("--scenario", "offline", "--scenario", "ramp"), "LoadGen has no scenario 'ramp'"),
        (SERVER, "name one, `--rate PER_S`; `--driver bench` can search for it"),
        ((*SERVER, "--rate", "100", "--timeout-ms", "50"), "`--timeout-ms` goes with `--driver bench`"),
        (("--driver", "loadgem"), "loadgem"),
    ],
)
def test_what_loadgen_cannot_do_is_refused(
    bench: Command, model: Path, tmp_path: Path, flags: tuple[str, ...], cause: str
) -> None:
    outcome = bench(*FLAGS, *flags, "--model", model)
    assert outcome.code == 2
    assert cause in (outcome.err if "loadgem" in flags else complaint(outcome))
    assert not (tmp_path / "results").exists()


def test_where_it_is_not_installed_the_way_out_is_named(
    bench: Command, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "mlperf_loadgen" else found(name, *more)
    )
    outcome = bench(*FLAGS, "--scenario", "offline", "--model", model)
    assert outcome.code == 2
    assert "MLPerf LoadGen is not installed: `pip install mlcommons-loadgen`" in complaint(outcome)


@needs_loadgen
def test_more_samples_than_it_can_lay_out_are_refused(bench: Command, model: Path) -> None:
    """An engine that does nothing answers millions in a moment."""
    outcome = bench(*FLAGS, "--scenario", "offline", "--batch", "256", "--model", model)
    assert outcome.code == 2
    assert "use `--driver bench`, a shorter `--mode`" in complaint(outcome)


@needs_loadgen
def test_its_word_is_kept_and_shown_beside_ours(bench: Command, model: Path, tmp_path: Path) -> None:
    slow = ("--setting", "delay_us=1000")
    outcome = bench(*FLAGS, *slow, "--scenario", "offline", "--format", "json", "--model", model)
    assert outcome.code == 0, outcome
    trial = only_run(tmp_path / "results") / NAME.format("offline") / "trial-00"
    assert {"mlperf_log_summary.txt", "mlperf_log_detail.txt"} <= {file.name for file in (trial / "loadgen").iterdir()}
    report = document(trial / "trial.json")["report"]
    assert isinstance(report, dict)
    assert report["loadgen"]["verdict"] in ("VALID", "INVALID")
    shown = bench("show", trial)
    assert shown.code == 0
    assert "MLPerf LoadGen" in shown.out
    assert "samples_per_second" in shown.out
