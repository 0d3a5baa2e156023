"""A whole `bench run` through the installed console script: real networks, data and quality.

The rest of these tests is about a tiny classifier; here everything that a newcomer meets is as it is. With `--full` it
is the default run of two workloads, four minutes on a slow machine; else the smaller of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from bench.records.plan import RunPlan
from bench.records.record import Record
from bench.store.timeline_file import read_timeline

from .kept import check_every_file, records_of, run_of
from .things import Outcome, only_run, run

pytestmark = pytest.mark.timeout(900)
SCENARIOS = ("single_stream", "offline")
DEFAULTS = ("image_classify", "speech_command")


@pytest.fixture(
    scope="module", params=[pytest.param(DEFAULTS, marks=pytest.mark.full, id="defaults"), ("speech_command",)]
)
def workloads(request: pytest.FixtureRequest) -> tuple[str, ...]:
    chosen: tuple[str, ...] = request.param
    return chosen


@pytest.fixture(scope="module")
def names(workloads: tuple[str, ...]) -> list[str]:
    return [f"{workload}.{scenario}.fp32" for workload in workloads for scenario in SCENARIOS]


@pytest.fixture(scope="module")
def place(workloads: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("-".join(workloads))


@pytest.fixture(scope="module")
def outcome(workloads: tuple[str, ...], place: Path) -> Outcome:
    flags = [] if workloads == DEFAULTS else [word for name in workloads for word in ("--workload", name)]
    return run(place, "run", *flags, hurried=False)


@pytest.fixture(scope="module")
def records(place: Path, outcome: Outcome) -> list[Record]:
    return records_of(only_run(place / "results"))


def test_ends_well(outcome: Outcome, names: list[str]) -> None:
    assert outcome.code == 0, outcome
    lines = outcome.err.splitlines()
    assert lines[0].startswith(f"{len(names)} measurements, about ")
    assert [line for line in lines if line.endswith(": done")] == [
        f"[{number}/{len(names)}] {name}: done" for number, name in enumerate(names, start=1)
    ]


def test_the_table_holds_the_numbers_of_the_records(
    workloads: tuple[str, ...], outcome: Outcome, records: list[Record]
) -> None:
    for words in (
        *workloads,
        "single stream",
        "latency p90",
        "offline",
        "samples per second",
        "accuracy",
    ):
        assert words in outcome.out
    # On a noisy machine an interval is refused, and the table says that instead.
    intervals = [record.metrics[record.primary].interval for record in records]
    assert ("95 %" in outcome.out) == any(intervals)
    assert ("no interval:" in outcome.out) == (not all(intervals))
    quality = records[0].quality
    assert quality is not None
    assert quality.value is not None
    assert f"{100 * quality.value:.1f} %" in outcome.out
    assert "Quick mode: a look, no verdicts." in " ".join(outcome.out.split())


def test_the_records_are_whole(
    workloads: tuple[str, ...], names: list[str], place: Path, records: list[Record]
) -> None:
    folder = only_run(place / "results")
    check_every_file_but_the_report(place)
    kept = run_of(folder)
    assert kept.status == "complete"
    assert kept.plan == (RunPlan() if workloads == DEFAULTS else RunPlan(workloads=workloads))
    assert kept.host.packages["onnxruntime"]
    assert [record.measurement.name for record in records] == names
    for record in records:
        assert record.valid
        assert record.division == "closed"
        figure = record.metrics[record.primary]
        assert figure.value is not None
        assert figure.value > 0
        if figure.interval is not None:
            assert figure.interval.low <= figure.value <= figure.interval.high
            assert figure.interval.kind == "batch-means-t"


def test_quality_was_judged_against_the_reference(records: list[Record]) -> None:
    for record in records:
        quality = record.quality
        assert quality is not None
        assert quality.passed is True
        assert quality.judged_by != "nothing"
        assert quality.verdict is not None
        assert quality.verdict.target_met
        assert 0 < quality.samples < quality.evaluation_samples
        assert "quality-subset" in {entry.code for entry in record.findings}


def test_the_figures_follow_from_the_timeline(place: Path, records: list[Record]) -> None:
    """Counted again from the Parquet file, by hand."""
    for record in records:
        table = read_timeline(only_run(place / "results") / record.measurement.name / "trial-00" / "timeline.parquet")
        started, ended = table["started"], table["ended"]
        assert (ended >= started).all()
        if record.measurement.scenario == "offline":
            expected = len(ended) / (int(ended.max()) / 1e9)
        else:
            latency = np.sort(ended - table["scheduled"])
            expected = float(latency[int(np.floor(len(latency) * 0.9))])
        value = record.metrics[record.primary].value
        assert value == pytest.approx(expected, rel=1e-9)


def test_what_the_other_commands_say_of_it(place: Path, outcome: Outcome) -> None:
    name = only_run(place / "results").name
    assert run(place, "list", "run", hurried=False).out.split() == [name]
    shown = run(place, "show", hurried=False)
    assert shown.code == 0
    assert name in shown.out
    assert "speech_command" in shown.out
    part = run(place, "show", f"{name}/speech_command.offline.fp32/trial-00", hurried=False)
    assert part.code == 0
    report = only_run(place / "results") / "report.html"
    assert f"Report:  {report}" in outcome.out
    before = without_ids(report)
    again = run(place, "report", name, hurried=False)
    assert (again.code, again.out) == (0, f"{report}\n")
    assert without_ids(report) == before, "a report is a function of its records"


def without_ids(page: Path) -> str:
    """A page without the ids that matplotlib derives from the last bits of a layout."""
    return re.sub(r"[a-z][0-9a-f]{10}\b", "", page.read_text())


def check_every_file_but_the_report(place: Path) -> None:
    folder = only_run(place / "results")
    for measurement in folder.iterdir():
        if measurement.is_dir():
            check_every_file(measurement)
    assert {file.name for file in folder.iterdir() if file.is_file()} == {"run.json", "report.html", "summary.png"}
