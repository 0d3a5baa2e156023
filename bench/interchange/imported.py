"""From the folder of one MLPerf result to a record: LoadGen's figures and verdict, under the names of our metrics.

Nothing is measured, recomputed or vouched for: such a record says `mlperf-import`, and is never ranked with ours.
"""

from __future__ import annotations

import datetime
import hashlib
import re
from pathlib import Path
from typing import Any  # Any: plain JSON

import msgspec

from bench import __version__
from bench.interchange.rounds import Place
from bench.interchange.system import NotDescribed, device_of, host_of, text_of
from bench.loadgen.mlperf.logs import BadLogs, detail_values, report_of
from bench.records.findings import Finding, finding
from bench.records.hashing import record_hash
from bench.records.host import Host
from bench.records.loadgen import LoadGenReport
from bench.records.mlperf import MlperfResult
from bench.records.numbers import Measured, Refusal
from bench.records.plan import Measurement, Precision, Scenario
from bench.records.record import Record
from bench.records.untrusted import BadFile, read_bytes, read_json

# Before the benchmark's name, so that none is ever taken for a workload of the suite.
PREFIX = "mlperf-"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,100}")
_PRECISIONS: dict[str, Precision] = {
    "fp32": "fp32",
    "float32": "fp32",
    "fp16": "fp16",
    "float16": "fp16",
    "bf16": "bf16",
    "bfloat16": "bf16",
    "int8": "int8",
    "uint8": "int8",
}
_TESTED = {"single_stream": "SingleStream", "multi_stream": "MultiStream", "server": "Server", "offline": "Offline"}
_FROM_ISSUE = {
    "latency_p90_from_start_ns": "result_90.00_percentile_latency_ns",
    "latency_p99_from_start_ns": "result_99.00_percentile_latency_ns",
}
# Our metric by LoadGen's figure, the one that MLPerf publishes first.
_FIGURES: dict[Scenario, dict[str, str]] = {
    "single_stream": {"latency_p90_early_stopping_ns": "early_stopping_latency_ss", **_FROM_ISSUE},
    "multi_stream": {"latency_p99_early_stopping_ns": "early_stopping_latency_ms", **_FROM_ISSUE},
    "server": {
        "queries_per_s": "result_completed_samples_per_sec",
        "latency_p50_ns": "result_50.00_percentile_latency_ns",
        "latency_p90_ns": "result_90.00_percentile_latency_ns",
        "latency_p99_ns": "result_99.00_percentile_latency_ns",
        "latency_p999_ns": "result_99.90_percentile_latency_ns",
        "latency_mean_ns": "result_mean_latency_ns",
    },
    "offline": {"samples_per_s": "result_samples_per_second"},
}
_MOST_SUMMARY, _MOST_ACCURACY = 1 << 20, 1 << 20
_SUMMED_UP = re.compile(r"^(Scenario|Mode|Result is)\s*:\s*(\S+)", re.MULTILINE)


class NotImported(ValueError):
    """A result that is not taken over; one line that says why. `broken`: its files are not what LoadGen writes."""

    def __init__(self, message: str, broken: bool) -> None:
        super().__init__(message)
        self.broken = broken


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """A record without a run yet, and the host that its system describes."""

    record: Record
    host: Host


def read_result(place: Place, round_: str | None) -> Result:
    """The result in `place`. Raises NotImported."""
    if place.scenario is None:
        raise NotImported(f"the harness has no scenario {place.scenario_name[:40]!r}", broken=False)
    try:
        return _read(place, place.scenario, round_)
    except NotDescribed as error:
        raise NotImported(str(error), broken=False) from None
    except (BadLogs, BadFile) as error:
        raise NotImported(str(error).replace(f"{place.submission}/", ""), broken=True) from None


def _read(place: Place, scenario: Scenario, round_: str | None) -> Result:
    for name in (place.submitter, place.system, place.benchmark):
        if not _NAME.fullmatch(name):
            raise BadFile(f"{name[:80]!r} is no name that a record can have")
    system = _document(place.system_file)
    precision, weights = _precision(place)
    values = detail_values(_plain(place.detail))
    report = report_of(place.detail, values, scenario)
    _check_tested(place, scenario, values)
    _check_summary(place.summary, scenario, report)
    result = _result(place, round_, system, values, report, weights)
    return Result(host=host_of(system), record=_record(place, scenario, precision, system, result, report))


def _record(
    place: Place,
    scenario: Scenario,
    precision: Precision,
    system: dict[str, Any],
    result: MlperfResult,
    report: LoadGenReport,
) -> Record:
    figures = _FIGURES[scenario]
    return Record(
        suite_version=__version__,
        run_id="",
        status="complete",
        measurement=Measurement(
            workload=PREFIX + place.benchmark,
            scenario=scenario,
            precision=precision,
            # What they were, no log says.
            batch=0,
            workers=0,
            threads=0,
            samples_per_query=result.samples_per_query,
            load_samples=result.performance_samples,
            quality_samples=0,
            driver="loadgen",
        ),
        mode="mlperf",
        backend="mlperf",
        model_hash="",
        session_hash="",
        config_hash=record_hash(system),
        # Closed in our sense is the suite's own network; MLPerf's division stands in `mlperf`.
        division="open",
        primary=next(iter(figures)),
        timed_region="mlperf",
        origin="mlperf-import",
        device=device_of(system),
        metrics={metric: _figure(report, name) for metric, name in figures.items()},
        findings=_findings(report),
        loadgen=report,
        mlperf=result,
    )


def _figure(report: LoadGenReport, name: str) -> Measured:
    value = report.figures.get(name)
    if value is None or value <= 0.0:  # early stopping needs so many queries, and prints 0 where it has fewer
        return Measured(
            refusal=Refusal(code="too-few-queries", seen=report.figures.get("result_query_count", 0), limit=1)
        )
    return Measured(value=value)


def _findings(report: LoadGenReport) -> tuple[Finding, ...]:
    found = [finding("not-measured-here", "mlperf")]
    if report.verdict == "INVALID":
        found.append(finding("loadgen-invalid", "mlperf", report.reason or None))
    if report.errors:
        found.append(finding("loadgen-logged-errors", "mlperf", report.errors, 0))
    return tuple(found)


def _result(
    place: Place,
    round_: str | None,
    system: dict[str, Any],
    values: dict[str, Any],
    report: LoadGenReport,
    weights: str,
) -> MlperfResult:
    return MlperfResult(
        round=round_,
        division=place.division,
        submitter=place.submitter,
        system=place.system,
        benchmark=place.benchmark,
        started_at=_moment(values.get("test_datetime")),
        loadgen_version=report.version,
        accuracy=_accuracy(place.accuracy),
        weights=weights,
        samples_per_query=_number(place, values, "effective_samples_per_query"),
        performance_samples=_number(place, values, "effective_performance_sample_count"),
        status=text_of(system, "status"),
        system_type=text_of(system, "system_type"),
        nodes=text_of(system, "number_of_nodes"),
        accelerator=text_of(system, "accelerator_model_name"),
        accelerators_per_node=text_of(system, "accelerators_per_node"),
        framework=text_of(system, "framework"),
        detail_sha256=hashlib.sha256(place.detail.read_bytes()).hexdigest(),
    )


def _precision(place: Place) -> tuple[Precision, str]:
    file = place.weights_file()
    if file is None:
        raise BadFile("there is no description of its weights (`measurements.json`, or `measurements/` before v6.0)")
    weights = text_of(_document(file), "weight_data_types")
    precision = _PRECISIONS.get(weights.lower())
    if precision is None:
        known = ", ".join(sorted(set(_PRECISIONS.values())))
        raise NotDescribed(f"its weights are {weights[:40]!r}; records hold {known}")
    return precision, weights


def _number(place: Place, values: dict[str, Any], key: str) -> int:
    value = values.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 1 << 40:
        raise BadLogs(f"{place.detail}: `{key}` is {str(value)[:40]!r}; a number above 0 is expected")
    return value


def _check_tested(place: Place, scenario: Scenario, values: dict[str, Any]) -> None:
    tested, mode = values.get("effective_scenario"), values.get("effective_test_mode")
    if mode == "PerformanceOnly" and tested == "SingleStream" != _TESTED[scenario]:
        raise NotDescribed("MLPerf infers it from a test of SingleStream; there is no test of its own")
    if mode != "PerformanceOnly" or tested != _TESTED[scenario]:
        seen = f"{tested}, {mode}"[:80]
        raise BadLogs(f"{place.detail}: a log of {seen}, where one of {_TESTED[scenario]} is expected")


def _check_summary(file: Path, scenario: Scenario, report: LoadGenReport) -> None:
    """Whether the summary is of the same test: logs of two tests are easily mixed, and a verdict easily mended."""
    text = read_bytes(_plain(file), _MOST_SUMMARY).decode(errors="replace")
    said = dict(_SUMMED_UP.findall(text))
    expected = {"Scenario": _TESTED[scenario], "Mode": "PerformanceOnly", "Result is": report.verdict}
    for key, value in expected.items():
        if said.get(key) != value:
            raise BadLogs(f"{file}: `{key}` is {str(said.get(key))[:40]}, and the detail log says {value}")


def _accuracy(file: Path) -> str | None:
    """The last line that holds a figure; the hash of the accuracy log stands below it."""
    if file.is_symlink() or not file.is_file():
        return None
    lines = read_bytes(file, _MOST_ACCURACY).decode(errors="replace").splitlines()
    told = [line.strip() for line in lines if line.strip() and not line.startswith("hash=")]
    return " ".join(told[-1].split())[:300] if told else None


def _moment(value: object) -> str | None:
    """LoadGen writes UTC, in two forms by its version."""
    try:
        found = datetime.datetime.fromisoformat(str(value)[:40])
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or datetime.UTC).astimezone(datetime.UTC).isoformat(timespec="seconds")


def _document(file: Path) -> dict[str, Any]:
    return read_json(_plain(file), dict[str, Any])


def _plain(file: Path) -> Path:
    """A regular file, and no link: a tree that was downloaded must not name files of this machine."""
    if file.is_symlink() or not file.is_file():
        raise BadFile(f"{file}: there is no such file")
    return file
