"""Records as a file of pytest-benchmark, so that `pytest-benchmark compare` and its histogram read them.

Its rounds are our repetitions, its seconds the primary figure: a latency as it is, a rate as the time for one. What is
no time (cameras, shares) has no place there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final  # Any: a foreign format

import msgspec
import numpy as np

from bench.records.host import Host
from bench.records.metrics import METRICS
from bench.records.record import Record

# Of the format; pytest-benchmark reads those of its later versions, too.
_VERSION: Final = "4.0.0"


def exported(
    records: Sequence[tuple[Record, Mapping[str, Sequence[float]]]], host: Host, started_at: str
) -> tuple[bytes, list[str]]:
    """The file, and the measurements without a place in it; each record comes with the values of its repetitions."""
    found = [(record, _seconds(record, values)) for record, values in records]
    whole = {
        "machine_info": {
            "node": "",
            "machine": host.architecture,
            "system": host.operating_system,
            "python_version": host.python,
            "cpu": {"brand_raw": host.cpu_model, "count": host.cores_usable},
        },
        "commit_info": {"id": "unknown", "dirty": False, "branch": "unknown"},
        "benchmarks": [_benchmark(record, seconds) for record, seconds in found if seconds],
        "datetime": started_at,
        "version": _VERSION,
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n", [
        record.measurement.name for record, seconds in found if not seconds
    ]


def _seconds(record: Record, values: Mapping[str, Sequence[float]]) -> list[float]:
    unit = METRICS[record.primary].unit
    own = [value for value in values.get(record.primary, ()) if value > 0.0]
    if unit == "ns":
        return [value / 1e9 for value in own]
    return [1.0 / value for value in own] if unit == "1/s" else []


def _benchmark(record: Record, seconds: Sequence[float]) -> dict[str, Any]:
    name = record.measurement.name
    return {
        "group": record.measurement.workload,
        "name": name,
        "fullname": f"bench/{name}.{record.primary}",
        "params": None,
        "param": None,
        "extra_info": {
            "metric": record.primary,
            "run": record.run_id,
            "mode": record.mode,
            "valid": record.valid,
            "session_hash": record.session_hash,
        },
        "options": {"disable_gc": True, "warmup": True},
        "stats": _stats(np.asarray(seconds)),
    }


def _stats(seconds: Any) -> dict[str, Any]:
    q1, median, q3 = (float(value) for value in np.quantile(seconds, [0.25, 0.5, 0.75]))
    mean, deviation = float(seconds.mean()), float(seconds.std(ddof=1)) if seconds.size > 1 else 0.0
    low, high = q1 - 1.5 * (q3 - q1), q3 + 1.5 * (q3 - q1)
    outliers = int(np.count_nonzero((seconds < low) | (seconds > high)))
    far = int(np.count_nonzero(np.abs(seconds - mean) > deviation))
    return {
        "min": float(seconds.min()),
        "max": float(seconds.max()),
        "mean": mean,
        "stddev": deviation,
        "rounds": int(seconds.size),
        "median": median,
        "iqr": q3 - q1,
        "q1": q1,
        "q3": q3,
        "iqr_outliers": outliers,
        "stddev_outliers": far,
        "outliers": f"{far};{outliers}",
        "ld15iqr": float(seconds[seconds >= low].min()),
        "hd15iqr": float(seconds[seconds <= high].max()),
        "ops": 1.0 / mean,
        "total": float(seconds.sum()),
        "data": [float(value) for value in seconds],
        "iterations": 1,
    }
