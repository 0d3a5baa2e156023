"""Trees of an MLPerf round, made by hand after the documented format; no figure in them was ever measured."""

from __future__ import annotations

import json
from pathlib import Path

SYSTEM = {
    "division": "open",
    "submitter": "Acme",
    "status": "available",
    "system_name": "made by hand",
    "system_type": "edge",
    "number_of_nodes": "1",
    "host_processor_model_name": "A Processor",
    "host_processors_per_node": "2",
    "host_processor_core_count": "24",
    "host_memory_capacity": "512 GB",
    "accelerators_per_node": "4",
    "accelerator_model_name": "Acme One",
    "framework": "acme 1.2",
    "operating_system": "an operating system",
}
SCENARIOS = {
    "SingleStream": {
        "early_stopping_latency_ss": 7_621_345,
        "result_90.00_percentile_latency_ns": 7_620_314,
        "result_99.00_percentile_latency_ns": 7_782_307,
    },
    "MultiStream": {
        "early_stopping_latency_ms": 57_700_000,
        "result_90.00_percentile_latency_ns": 56_000_000,
        "result_99.00_percentile_latency_ns": 57_000_000,
    },
    "Server": {
        "result_completed_samples_per_sec": 72976.3,
        "result_50.00_percentile_latency_ns": 3_000_000,
        "result_90.00_percentile_latency_ns": 6_000_000,
        "result_99.00_percentile_latency_ns": 10_000_000,
        "result_99.90_percentile_latency_ns": 12_000_000,
        "result_mean_latency_ns": 3_500_000,
    },
    "Offline": {"result_samples_per_second": 88714.1},
}


def detail(scenario: str, verdict: str = "VALID", **more: object) -> str:
    """A detail log of a performance test."""
    values: dict[str, object] = {
        "loadgen_version": "5.1.0 @ 0123456789",
        "test_datetime": "2025-08-01T08:08:49Z",
        "effective_scenario": scenario,
        "effective_test_mode": "PerformanceOnly",
        "effective_samples_per_query": 8 if scenario == "MultiStream" else 1,
        "effective_performance_sample_count": 1024,
        "result_validity": verdict,
        "result_query_count": 79327,
        **SCENARIOS[scenario],
        "num_errors": 0,
        **more,
    }
    return "".join(line(key, value) for key, value in values.items() if value is not None)


def line(key: str, value: object) -> str:
    entry = {
        "key": key,
        "value": value,
        "time_ms": 0.01,
        "namespace": "mlperf::logging",
        "metadata": {"is_error": False},
    }
    return f":::MLLOG {json.dumps(entry)}\n"


def summary(scenario: str, verdict: str = "VALID") -> str:
    return f"""================================================
MLPerf Results Summary
================================================
SUT name : made by hand
Scenario : {scenario}
Mode     : PerformanceOnly
Result is : {verdict}
"""


def result(
    round_: Path,
    scenario: str = "Offline",
    benchmark: str = "resnet50",
    system: str = "box",
    older: bool = False,
    weights: str = "int8",
    folder: str | None = None,
) -> Path:
    """One result in the layout of v6.1, or of v5.1 (`older`); returns the folder of its scenario."""
    submission = round_ / "open" / "Acme"
    place = submission / "results" / system / benchmark / (folder or scenario)
    write(place / "performance/run_1/mlperf_log_detail.txt", detail(scenario))
    write(place / "performance/run_1/mlperf_log_summary.txt", summary(scenario))
    write(place / "accuracy/accuracy.txt", "accuracy=76.456%, good=38228, total=50000\nhash=00ff\n")
    write(submission / "systems" / f"{system}.json", json.dumps(SYSTEM))
    told = json.dumps({"weight_data_types": weights, "retraining": "no"})
    if older:
        write(submission / "measurements" / system / benchmark / (folder or scenario) / f"{system}.json", told)
    else:
        write(place / "measurements.json", told)
    return place


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
