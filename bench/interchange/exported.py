"""From a run in mode `mlperf` to the tree of a submission to MLPerf Inference, open division, as of v6.0 and v6.1."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from bench.interchange.benchmarks import Benchmark, Shortfall, shortfalls
from bench.judging.accuracy_log import ACCURACY_LOG, ACCURACY_TEXT
from bench.loadgen.mlperf.logs import DETAIL, SUMMARY, detail_values
from bench.loadgen.mlperf.session import LOGS
from bench.records.findings import error_codes
from bench.records.plan import Scenario
from bench.records.record import Record, Run
from bench.store.files import write_bytes
from bench.store.runs import ACCURACY, RunFolder
from bench.text import figures, sentence

# The checker takes no accuracy log above the first; of a longer one both ends stay, as MLPerf's own script leaves them.
_MOST_LOG, _END = 10 * 1024, 4096
_SCENARIOS: Mapping[Scenario, str] = {
    "single_stream": "SingleStream",
    "multi_stream": "MultiStream",
    "server": "Server",
    "offline": "Offline",
}
_DESCRIBED = (
    *("host_storage_capacity", "host_storage_type", "host_networking", "host_networking_topology"),
    *("host_memory_configuration", "host_network_card_count", "accelerator_memory_capacity", "cooling"),
    *("accelerator_host_interconnect", "accelerator_memory_configuration", "accelerator_interconnect"),
)
_MAY_BE_EMPTY = (
    *("host_processor_frequency", "host_processor_caches", "host_processor_interconnect", "accelerator_frequency"),
    *(
        "accelerator_interconnect_topology",
        "accelerator_on-chip_memories",
        "hw_notes",
        "sw_notes",
        "system_type_detail",
    ),
)


class NotExported(ValueError):
    """A run that no submission can be made of; one line that says why."""


class Submitter(msgspec.Struct, frozen=True, kw_only=True):
    """What no run can say: who submits, how the system is called, whether it can be bought, what it is for."""

    name: str
    system: str
    status: str
    system_type: str


class Exported(msgspec.Struct, frozen=True, kw_only=True):
    """A measurement that was written, and what the checker or a reviewer will find wanting."""

    measurement: str
    wanting: tuple[Shortfall, ...]


def export_run(folder: RunFolder, target: Path, benchmark: Benchmark, who: Submitter) -> tuple[Exported, ...]:
    """Write the tree under `target`, which may hold other submitters' already.

    Raises NotExported, BadLogs or OSError.
    """
    run, records = folder.load_run(), folder.load_records()
    if run.plan.mode != "mlperf":
        raise NotExported(
            f"{folder.path}: measured in mode {run.plan.mode!r}; a submission is made of mode `mlperf`: "
            "`bench run --driver loadgen --mode mlperf`"
        )
    for record in records:
        _check(folder, record)
    if not records:
        raise NotExported(f"{folder.path}: nothing in it was measured to its end")
    top = target / "open" / who.name
    if (top / "results" / who.system).exists():
        raise NotExported(f"{top / 'results' / who.system}: is there already; choose another folder or system name")
    written = tuple(_measurement(folder, record, top / "results" / who.system, benchmark) for record in records)
    _write_json(top / "systems" / f"{who.system}.json", _system(run, records[0], who))
    _write_json(top / "model_mapping.json", {record.measurement.workload: benchmark.name for record in records})
    _write(top / "src" / "README.md", sentence("en", "mlperf_export.source", version=run.suite_version))
    _write_json(top / "src" / "plan.json", msgspec.to_builtins(run.plan))
    return written


def _check(folder: RunFolder, record: Record) -> None:
    name = record.measurement.name
    if record.origin == "mlperf-import":
        raise NotExported(f"{name}: was imported, not measured here; only its submitter can submit it")
    trial = folder.trial(name, 0)
    for file in (*_logs(trial / LOGS), *_logs(trial / ACCURACY), trial / ACCURACY / ACCURACY_LOG):
        if not file.is_file():
            raise NotExported(
                f"{name}: no {file.relative_to(trial)}; both tests of LoadGen are needed, and an accuracy test "
                "needs evaluation samples (`--data` where the model is your own)"
            )


def _logs(folder: Path) -> tuple[Path, Path]:
    return folder / DETAIL, folder / SUMMARY


def _measurement(folder: RunFolder, record: Record, top: Path, benchmark: Benchmark) -> Exported:
    measured = record.measurement
    trial, scenario = folder.trial(measured.name, 0), _SCENARIOS[measured.scenario]
    place = top / measured.workload / scenario
    for source, target in ((trial / LOGS, place / "performance/run_1"), (trial / ACCURACY, place / "accuracy")):
        target.mkdir(parents=True)
        for file in _logs(source):
            shutil.copyfile(file, target / file.name)
    _write(place / "accuracy" / ACCURACY_TEXT, (trial / ACCURACY / ACCURACY_TEXT).read_text())
    _truncated(trial / ACCURACY / ACCURACY_LOG, place / "accuracy" / ACCURACY_LOG)
    performance, accuracy = detail_values(trial / LOGS / DETAIL), detail_values(trial / ACCURACY / DETAIL)
    asked = {key: performance[f"effective_{key}"] for key in _asked(performance)}
    _write(place / "user.conf", "".join(f"*.{scenario}.{_CONF[key]} = {value}\n" for key, value in asked.items()))
    _write(place / "README.md", sentence("en", "mlperf_export.readme", measurement=measured.name, run_id=record.run_id))
    _write_json(place / "measurements.json", _weights(record))
    wanting = [*shortfalls(benchmark, performance, accuracy)]
    if not record.valid:
        wanting.append(
            Shortfall(code="void-here", seen=", ".join(error_codes(record.findings)) or record.status, asked="")
        )
    return Exported(measurement=measured.name, wanting=tuple(wanting))


# LoadGen's names in its log and in `user.conf`.
_CONF = {"min_duration_ms": "min_duration", "min_query_count": "min_query_count", "max_query_count": "max_query_count"}


def _asked(values: Mapping[str, object]) -> Iterator[str]:
    return (key for key in _CONF if f"effective_{key}" in values)


def _weights(record: Record) -> dict[str, str]:
    executed = record.facts.precision_executed if record.facts is not None else record.measurement.precision
    unknown = sentence("en", "mlperf_export.as_in_file")
    return {
        "input_data_types": unknown,
        "retraining": "N/A",
        "starting_weights_filename": record.model_hash,
        "weight_data_types": executed,
        "weight_transformations": unknown,
    }


def _system(run: Run, record: Record, who: Submitter) -> dict[str, str]:
    """The 35 fields that the checker wants; what was not read says so, for whoever submits to fill in."""
    host, device, facts = run.host, record.device, record.facts
    accelerated = device is not None and device.kind != "cpu"
    engine = f"{facts.engine} {facts.engine_version}" if facts is not None else run.plan.backend
    unread = sentence("en", "mlperf_export.unread")
    cores, sockets = host.cores_physical, run.hardware.facts.cpu.sockets if run.hardware is not None else None
    return {
        **dict.fromkeys(_DESCRIBED, unread),
        **dict.fromkeys(_MAY_BE_EMPTY, ""),
        "division": "open",
        "submitter": who.name,
        "status": who.status,
        "system_type": who.system_type,
        "system_name": who.system,
        "number_of_nodes": "1",
        "host_processor_model_name": host.cpu_model or unread,
        "host_processors_per_node": str(sockets or unread),
        "host_processor_core_count": str(cores // sockets) if cores and sockets else unread,
        "host_memory_capacity": figures.size(host.memory_bytes),
        "accelerators_per_node": str(record.measurement.devices) if accelerated else "0",
        "accelerator_model_name": (device.title or device.kind) if device is not None and accelerated else "N/A",
        "framework": engine,
        "operating_system": f"{host.operating_system} {host.kernel}".strip(),
        "other_software_stack": f"{host.python}, inference-bench {run.suite_version}",
    }


def _truncated(source: Path, target: Path) -> None:
    content = source.read_bytes()
    if len(content) > _MOST_LOG:
        content = content[:_END] + b"\n\n...\n\n" + content[-_END:]
    write_bytes(target, content)


def _write(file: Path, text: str) -> None:
    write_bytes(file, text.rstrip("\n").encode() + b"\n")


def _write_json(file: Path, plain: object) -> None:
    write_bytes(file, msgspec.json.format(msgspec.json.encode(plain), indent=1) + b"\n")
