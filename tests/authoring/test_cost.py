"""The cost of a sample on a processor: from which kept runs it is taken, and from which it is not."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from bench.authoring import cost as work
from bench.authoring.cost import NoCost, store_costs
from bench.models.cpu_cost import CpuCost, read_cpu_cost
from bench.records.findings import finding
from bench.records.host import Device
from bench.records.numbers import Interval, Measured
from bench.records.plan import RunPlan
from bench.records.record import Record, Run
from bench.records.untrusted import BadFile
from bench.store.runs import RunFolder

from ..fixtures import FACTS, HOST, MEASUREMENT

ASKED = msgspec.structs.replace(MEASUREMENT, workload="speech_command", scenario="offline", batch=8)
NS = Measured(value=2e6, interval=Interval(low=1.9e6, high=2.1e6, confidence=0.95, kind="repetitions-t"))
FIT = Record(
    suite_version="1",
    run_id="r",
    status="complete",
    measurement=ASKED,
    mode="standard",
    backend="onnxruntime",
    model_hash="sha256:m",
    session_hash="sha256:s",
    config_hash="sha256:c",
    division="closed",
    primary="samples_per_s",
    device=Device(kind="cpu"),
    facts=FACTS,
    metrics={"host_cpu_per_sample_ns": NS},
    trials=tuple(f"trial-{index:02d}" for index in range(5)),
)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a cost lands."""
    monkeypatch.setattr(work, "_file", lambda name: tmp_path / "reference" / name / "cpu.json")
    return tmp_path / "reference" / "speech_command"


def kept(folder: Path, *records: Record) -> RunFolder:
    run = Run(
        suite_version="1",
        run_id="r",
        started_at="2026-11-26T00:00:00+00:00",
        status="complete",
        plan=RunPlan(),
        host=HOST,
        measurements=tuple(record.measurement for record in records),
    )
    place = RunFolder.of(folder, "r")
    place.keep_run(run)
    for record in records:
        place.keep_record(record)
    return place


def test_a_cost_is_the_time_per_sample_with_the_machine(tmp_path: Path, stored: Path) -> None:
    (cost,) = store_costs(kept(tmp_path / "results", FIT)).values()
    assert (cost.seconds, cost.low, cost.high) == (pytest.approx(2e-3), pytest.approx(1.9e-3), pytest.approx(2.1e-3))
    assert (cost.cpu_model, cost.cores_usable, cost.engine, cost.batch) == ("a processor", 2, "fake", 8)
    assert read_cpu_cost(stored) == cost


def test_what_is_found_of_time_on_the_clock_does_not_void_it(tmp_path: Path, stored: Path) -> None:
    found = (finding("too-short", "standard", 8.0, 10.0), finding("too-few-repetitions", "standard", 5, 10))
    assert store_costs(kept(tmp_path / "results", msgspec.structs.replace(FIT, findings=found)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"backend": "openvino"}, "ran on openvino, cpu"),
        ({"device": Device(kind="cuda")}, "ran on onnxruntime, cuda"),
        ({"device": None}, "no device"),
        ({"measurement": msgspec.structs.replace(ASKED, threads=2)}, "ran on 1 workers of 2 threads"),
        ({"measurement": msgspec.structs.replace(ASKED, precision="int8")}, "is offline in int8"),
        ({"measurement": msgspec.structs.replace(ASKED, scenario="single_stream")}, "is single_stream in fp32"),
        ({"measurement": msgspec.structs.replace(ASKED, timed_region="end_to_end")}, "end_to_end"),
        ({"findings": (finding("quality-failed", "standard", 0.1, 0.9),)}, r"is not valid \(quality-failed\)"),
        ({"trials": ("trial-00",)}, "has 1 repetitions, and a cost needs 5"),
        ({"metrics": {}}, "has no interval over repetitions in mode standard"),
        ({"metrics": {"host_cpu_per_sample_ns": Measured(value=2e6)}}, "has no interval"),
        ({"division": "open"}, "ran another network than the suite's"),
    ],
)
def test_other_runs_are_refused_and_nothing_is_written(
    tmp_path: Path, stored: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(NoCost, match=words):
        store_costs(kept(tmp_path / "results", msgspec.structs.replace(FIT, **changes)))
    assert not stored.exists()


def test_a_run_without_a_record_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoCost, match="nothing was measured there yet"):
        store_costs(kept(tmp_path / "results"))


@pytest.mark.parametrize(
    "text", ["", "{}", '{"seconds": 1}', msgspec.json.encode({"seconds": -1}).decode(), "[]", '{"seconds": NaN}']
)
def test_a_file_that_is_no_cost_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "cpu.json").write_text(text)
    with pytest.raises(BadFile, match=r"cpu\.json"):
        read_cpu_cost(tmp_path)


def test_an_interval_that_does_not_hold_its_value_is_told(tmp_path: Path, stored: Path) -> None:
    (cost,) = store_costs(kept(tmp_path / "results", FIT)).values()
    for wrong in ({"low": 1.0}, {"seconds": 0.0, "low": 0.0}, {"high": 0.0}):
        stored.mkdir(parents=True, exist_ok=True)
        (stored / "cpu.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(cost, **wrong)))
        with pytest.raises(BadFile, match="is no cost"):
            read_cpu_cost(stored)
    assert isinstance(cost, CpuCost)
