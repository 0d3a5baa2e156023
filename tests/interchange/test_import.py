"""`bench import mlperf`: what a round says is taken over as it stands, and what is no log of LoadGen's is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.interchange.imported import NotImported, read_result
from bench.interchange.keeping import import_results
from bench.interchange.rounds import TooMany, places
from bench.interchange.system import NotDescribed, host_of
from bench.records.record import Record
from bench.store.runs import RunFolder

from .trees import SCENARIOS, SYSTEM, detail, line, result, summary, write

DETAIL, SUMMARY = "performance/run_1/mlperf_log_detail.txt", "performance/run_1/mlperf_log_summary.txt"


def only(top: Path) -> Record:
    (place,) = places(top)
    return read_result(place, None).record


@pytest.mark.parametrize("older", [False, True], ids=["v6.1", "v5.1"])
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_figures_are_taken_over_as_they_stand(tmp_path: Path, scenario: str, older: bool) -> None:
    result(tmp_path, scenario, older=older, folder=scenario.lower() if older else None)
    record = only(tmp_path)
    published, *_ = SCENARIOS[scenario].values()
    assert record.metrics[record.primary].value == published
    assert sorted(figure.value or 0 for figure in record.metrics.values()) == sorted(SCENARIOS[scenario].values())
    assert (record.origin, record.timed_region, record.mode) == ("mlperf-import", "mlperf", "mlperf")
    assert (record.division, record.attestation, record.quality) == ("open", "self", None)
    assert record.mlperf is not None
    assert record.mlperf.accuracy == "accuracy=76.456%, good=38228, total=50000"
    assert record.mlperf.started_at == "2025-08-01T08:08:49+00:00"
    assert record.device is not None
    assert record.device.title == "4 × Acme One"


def test_invalid_stays_invalid(tmp_path: Path) -> None:
    place = result(tmp_path)
    write(place / DETAIL, detail("Offline", "INVALID", result_invalid_reason="Min duration not met"))
    write(place / SUMMARY, summary("Offline", "INVALID"))
    record = only(tmp_path)
    assert not record.valid
    assert [entry.seen for entry in record.findings if entry.severity == "error"] == ["Min duration not met"]


def test_errors_of_loadgen_are_told(tmp_path: Path) -> None:
    write(result(tmp_path) / DETAIL, detail("Offline", num_errors=3))
    assert ("loadgen-logged-errors", 3) in [(entry.code, entry.seen) for entry in only(tmp_path).findings]


def test_too_few_queries_for_the_published_bound_are_no_figure(tmp_path: Path) -> None:
    write(result(tmp_path, "SingleStream") / DETAIL, detail("SingleStream", early_stopping_latency_ss=0))
    record = only(tmp_path)
    assert record.metrics[record.primary].value is None
    assert record.metrics[record.primary].refusal is not None


def remove(name: str) -> Callable[[Path], None]:
    return lambda place: (place / name).unlink()


def put(name: str, text: str) -> Callable[[Path], None]:
    return lambda place: write(place / name, text)


def link(place: Path) -> None:
    (place / DETAIL).unlink()
    (place / DETAIL).symlink_to("/etc/passwd")


def fifo(place: Path) -> None:
    (place / SUMMARY).unlink()
    os.mkfifo(place / SUMMARY)


SYSTEM_FILE = "../../../../systems/box.json"
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no detail log": (remove(DETAIL), "mlperf_log_detail.txt: there is no such file"),
    "no summary": (remove(SUMMARY), "mlperf_log_summary.txt: there is no such file"),
    "no system": (remove(SYSTEM_FILE), "systems/box.json: there is no such file"),
    "no weights": (remove("measurements.json"), "no description of its weights"),
    "a link": (link, "there is no such file"),
    "a pipe": (fifo, "there is no such file"),
    "empty": (put(DETAIL, ""), "no verdict"),
    "binary": (lambda place: (place / DETAIL).write_bytes(bytes(range(256)) * 100), "no verdict"),
    "cut off": (put(DETAIL, detail("Offline")[:1000]), "no verdict"),
    "two tests in one": (put(DETAIL, detail("Offline") + detail("Offline", "INVALID")), "VALID and INVALID under"),
    "another figure below": (put(DETAIL, detail("Offline") + line("result_samples_per_second", 1e6)), "under result_"),
    "a long line": (put(DETAIL, detail("Offline", result_invalid_reason="x" * 70_000)), "a line of 70"),
    "errors that are none": (put(DETAIL, detail("Offline", num_errors="none")), "`num_errors` that is no number"),
    "another verdict": (put(SUMMARY, summary("Offline", "INVALID")), "and the detail log says VALID"),
    "another summary": (put(SUMMARY, summary("Server")), "`Scenario` is Server"),
    "an accuracy test": (put(DETAIL, detail("Offline", effective_test_mode="AccuracyOnly")), "a log of Offline, Acc"),
    "another scenario": (put(DETAIL, detail("Server")), "a log of Server"),
    "samples below one": (put(DETAIL, detail("Offline", effective_performance_sample_count=-5)), "a number above 0"),
    "system: deep": (put(SYSTEM_FILE, '{"a":' * 100_000), "nested deeper than 64"),
    "system: twice": (put(SYSTEM_FILE, '{"a": 1, "a": 2}'), "'a' stands twice"),
    "system: no object": (put(SYSTEM_FILE, "[1, 2]"), "Expected `object`"),
    "weights: NaN": (put("measurements.json", '{"weight_data_types": NaN}'), "not a finite number"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_broken_files_are_named_in_one_line(tmp_path: Path, kind: str) -> None:
    change, words = BROKEN[kind]
    change(result(tmp_path))
    with pytest.raises(NotImported) as caught:
        only(tmp_path)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.broken


def test_figures_beyond_all_numbers_are_none(tmp_path: Path) -> None:
    line_ = line("result_samples_per_second", "X").replace('"X"', "1e999")
    write(result(tmp_path) / DETAIL, detail("Offline", result_samples_per_second=None) + line_)
    assert only(tmp_path).metrics["samples_per_s"].value is None
    write(result(tmp_path) / DETAIL, detail("Offline", result_samples_per_second=10**400))
    assert only(tmp_path).metrics["samples_per_s"].value is None


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda top: result(top, folder="Interactive"), "no scenario 'Interactive'"),
        (lambda top: result(top, weights="fp8"), "its weights are 'fp8'; records hold bf16, fp16, fp32, int8"),
        (lambda top: result(top, "SingleStream", folder="Offline"), "MLPerf infers it from a test of SingleStream"),
    ],
)
def test_what_the_harness_has_not_is_left_out_but_not_broken(
    tmp_path: Path, make: Callable[[Path], object], words: str
) -> None:
    make(tmp_path)
    found = import_results(tmp_path, tmp_path / "results", None)
    assert found.runs == {}
    assert [(words in entry.why, entry.broken) for entry in found.left_out] == [(True, False)]


def test_a_benchmark_is_never_taken_for_a_workload_of_the_suite(tmp_path: Path) -> None:
    result(tmp_path, benchmark="image_classify")
    assert only(tmp_path).measurement.workload == "mlperf-image_classify"


@pytest.mark.parametrize(
    "part", ["open", "open/Acme", "open/Acme/results/box", "open/Acme/results/box/resnet50/Server"]
)
def test_any_part_of_a_round_will_do(tmp_path: Path, part: str) -> None:
    result(tmp_path, "Server")
    (place,) = places(tmp_path / part)
    assert place.name == "Acme/box/resnet50/Server"
    assert read_result(place, None).record.valid


def test_more_folders_than_any_round_are_not_looked_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result(tmp_path)
    monkeypatch.setattr("bench.interchange.rounds.MOST_FOLDERS", 3)
    with pytest.raises(TooMany, match="more than 3 folders"):
        list(places(tmp_path))


def test_a_run_holds_what_one_system_did_in_one_precision_and_importing_again_changes_nothing(tmp_path: Path) -> None:
    for scenario in ("SingleStream", "Offline"):
        result(tmp_path / "round", scenario)
        result(tmp_path / "round", scenario, "retinanet", weights="fp32")
    result(tmp_path / "round", system="other")
    found = import_results(tmp_path / "round", tmp_path / "results", "v6.1")
    assert sorted(len(records) for records in found.runs.values()) == [1, 2, 2]
    before = {file: file.read_bytes() for file in (tmp_path / "results").rglob("*.json")}
    again = import_results(tmp_path / "round", tmp_path / "results", "v6.1")
    assert again.known == set(again.runs) == set(found.runs)
    assert {file: file.read_bytes() for file in (tmp_path / "results").rglob("*.json")} == before
    for run_id, records in found.runs.items():
        folder = RunFolder.of(tmp_path / "results", run_id)
        assert folder.load_run().host.cores_usable == 48
        assert tuple(folder.load_records()) == records


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *[("512 GB", 512 * 10**9), ("2.2TiB", round(2.2 * (1 << 40))), ("125G", 125 * 10**9), ("1 TB", 10**12)],
        *[
            ("2\u202fTB", 2 * 10**12),
            ("16 GB unified LPDDR5", 16 * 10**9),
            ("8x3TiB", None),
            ("N/A", None),
            ("64", None),
        ],
    ],
)
def test_memory_is_read_where_it_is_an_amount(text: str, expected: int | None) -> None:
    system = {**SYSTEM, "host_memory_capacity": text}
    if expected is None:
        with pytest.raises(NotDescribed, match="an amount such as"):
            host_of(system)
    else:
        assert host_of(system).memory_bytes == expected


@pytest.mark.parametrize("cores", ["N/A", "64(A) and 96(B)", "-4", "0", "1" * 500, "²"])
def test_cores_that_are_no_number_are_named(cores: str) -> None:
    with pytest.raises(NotDescribed, match="host_processor_core_count"):
        host_of({**SYSTEM, "host_processor_core_count": cores})


def test_what_a_system_says_of_itself_may_be_anything(tmp_path: Path) -> None:
    result(tmp_path)
    odd = {**SYSTEM, "framework": ["a", {"b": 1}], "status": None, "accelerator_model_name": "\x1b[31m" + "x" * 10_000}
    write(tmp_path / "open/Acme/systems/box.json", json.dumps(odd))
    told = only(tmp_path).mlperf
    assert told is not None
    assert (told.framework, told.status) == ("", "")
    assert len(told.accelerator) <= 200
