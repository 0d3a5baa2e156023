"""Records made by hand for the tests of this folder: a good one of each kind, and one for each way to go wrong."""

from __future__ import annotations

import msgspec
import numpy as np

from bench.records.findings import Finding, finding
from bench.records.host import Device, Facts, Host
from bench.records.numbers import (
    Interval,
    IntervalKind,
    Measured,
    PairedCounts,
    Refusal,
    RelativeError,
    Sketch,
    Verdict,
)
from bench.records.plan import Measurement, Mode, RunPlan, Scenario
from bench.records.record import Quality, Record, Run, Status, Trial

HOSTILE = "<script>alert(1)</script> $\\frac{ \x1b[2J [bold] {{ 7*7 }}"
REFUSED = Measured(refusal=Refusal(code="too-few-queries", seen=37, limit=662))
replace = msgspec.structs.replace


def interval(value: float, half: float, kind: IntervalKind, confidence: float = 0.95) -> Interval:
    return Interval(low=value * (1 - half), high=value * (1 + half), confidence=confidence, kind=kind)


def measured(value: float, kind: IntervalKind = "batch-means-t", confidence: float = 0.95) -> Measured:
    return Measured(value=value, interval=interval(value, 0.012, kind, confidence))


def sketch(quantity: str = "latency_ns", count: int = 4000, windows: int = 300, failed: int = 0) -> Sketch:
    """As of exponential-tailed latencies around 30 ms; a failed share makes the last quantiles None."""
    p = (*(i / 200 for i in range(180)), *(1 - 10 ** (-1 - i / 24) for i in range(121)), 1.0)
    values = [int(30e6 - 2e6 * np.log(max(1.0 - x, 1e-7))) for x in p]
    done = np.full(windows, count // windows or 1)
    return Sketch(
        quantity=quantity,  # type: ignore[arg-type]
        count=count,
        failed=failed,
        probabilities=p,
        values=tuple(None if failed and x > 0.95 else v for x, v in zip(p, values, strict=True)),
        window_ns=10_000_000,
        window_start_ns=tuple(7 + 10_000_000 * i for i in range(windows)),
        window_min_ns=tuple(None if i % 7 == 3 else 29_000_000 for i in range(windows)),
        window_mean_ns=tuple(None if i % 7 == 3 else 31.5e6 + i for i in range(windows)),
        window_max_ns=tuple(None if i % 7 == 3 else 45_000_000 + i for i in range(windows)),
        window_completed=tuple(0 if i % 7 == 3 else int(n) for i, n in enumerate(done)),
    )


def quality(passed: bool | None = True, value: float = 0.913) -> Quality:
    band = interval(value, 0.012, "wilson")
    verdict = Verdict(
        value=value,
        interval=band,
        reference=0.915,
        target=0.9,
        target_met=True,
        counts=PairedCounts(both=2180, gained=6, lost=9, neither=205),
        difference=Interval(low=-0.004, high=0.002, confidence=0.9, kind="newcombe-paired"),
        allowance=-0.00915,
        samples_needed=500,
        offered=True,
        passed=passed,
    )
    return Quality(
        metric="top1",
        samples=768,
        evaluation_samples=2400,
        value=value,
        interval=band,
        target=0.9,
        verdict=verdict,
        error=RelativeError(median=1.2e-7, max=8.8e-7),
        agreement=0.9937,
        judged_by="paired-difference",
        passed=passed,
    )


def record(
    scenario: Scenario = "single_stream",
    workload: str = "image_classify",
    mode: Mode = "quick",
    findings: tuple[Finding, ...] = (),
    status: Status = "complete",
) -> Record:
    offline = scenario == "offline"
    primary = {"single_stream": "latency_p90_ns", "multi_stream": "latency_p99_ns", "offline": "samples_per_s"}[
        scenario
    ]
    rate = {"samples_per_s": measured(28.41), "failed_share": Measured(value=0.0)}
    bound = Measured(value=36e6, interval=Interval(low=0, high=36e6, confidence=0.99, kind="early-stopping"))
    latency = {
        "latency_p90_ns": measured(35.21e6),
        "latency_p99_ns": measured(39.2e6),
        "latency_p999_ns": REFUSED,
        "latency_p90_early_stopping_ns": bound,
    }
    return Record(
        suite_version="0.1.0",
        run_id="20260101T000000Z-abcd",
        status=status,
        measurement=Measurement(
            workload=workload,
            scenario=scenario,
            precision="fp32",
            batch=8 if offline else 1,
            samples_per_query=1,
            workers=1,
            threads=2,
            load_samples=64,
            quality_samples=768,
        ),
        mode=mode,
        backend="onnxruntime",
        model_hash="sha256:aa11",
        session_hash="sha256:bb22",
        config_hash="sha256:cc33",
        division="closed",
        primary=primary,
        device=Device(kind="cpu", title="AMD EPYC", memory_bytes=25_276_514_304),
        facts=Facts(
            engine="onnxruntime",
            engine_version="1.32.0",
            precision_executed="fp32",
            device_operator_share=1.0,
            compile_s=0.0044,
            memory_bytes=10_719_232,
            applied={"graph_optimization": "all"},
        ),
        metrics=rate if offline else {**latency, **rate},
        quality=quality(),
        sketch=sketch("service_ns" if offline else "latency_ns"),
        findings=findings,
        trials=("trial-00",) if mode == "quick" else tuple(f"trial-{i:02d}" for i in range(5)),
    )


def standard() -> Record:
    """Five repetitions: a wider confidence per look."""
    metrics = {"latency_p90_ns": measured(35.21e6, "repetitions-t", 1 - 0.05 / 3)}
    return replace(record(mode="standard"), metrics=metrics)


def invalid() -> Record:
    found = (finding("output-mismatch", "standard", 3, 0), finding("quality-failed", "standard", 0.87, 0.9, "top1"))
    return replace(record(mode="standard", findings=found), quality=quality(passed=False, value=0.87))


def partial() -> Record:
    found = (finding("too-few-repetitions", "standard", 1, 5),)
    metrics = {
        "samples_per_s": Measured(value=28.41, interval_refusal=Refusal(code="too-few-repetitions", seen=1, limit=2))
    }
    return replace(record("offline", mode="standard", findings=found, status="partial"), metrics=metrics)


def failed() -> Record:
    """Nothing was completed."""
    found = (finding("repetition-failed", "standard", "the engine ended with signal 11"),)
    bare = record("multi_stream", mode="standard", findings=found)
    return replace(bare, metrics={}, sketch=None, quality=None, device=None, facts=None)


def refused() -> Record:
    found = (finding("too-few-queries", "quick", 37, 662, "latency_p99_ns"),)
    return replace(record("multi_stream", findings=found), metrics={"latency_p99_ns": REFUSED}, sketch=None)


def unverified() -> Record:
    bare = Quality(metric="top1", samples=0, evaluation_samples=0)
    found = (finding("quality-not-verified", "quick", subject="no evaluation data"),)
    return replace(record("offline", workload="user_model", findings=found), quality=bare, sketch=None)


def hostile() -> Record:
    """Every string that an engine or a file brings tries to be more than text."""
    base = record(
        workload=HOSTILE, findings=(Finding(code=HOSTILE, severity="warning", seen=HOSTILE, subject=HOSTILE),)
    )
    assert base.facts is not None
    return replace(
        base,
        backend=HOSTILE,
        device=Device(kind=HOSTILE, title=HOSTILE),
        facts=replace(base.facts, engine=HOSTILE, driver_version=HOSTILE, applied={HOSTILE: HOSTILE}),
        settings={HOSTILE: HOSTILE},
        metrics={**base.metrics, HOSTILE: measured(3.0)},
        quality=replace(quality(), metric=HOSTILE),
        model_hash=HOSTILE,
    )


def everything() -> list[Record]:
    return [record(), standard(), invalid(), partial(), failed(), refused(), unverified(), hostile()]


def run(records: list[Record], mode: Mode = "quick", status: Status = "complete") -> Run:
    host = Host(
        cpu_model="AMD EPYC",
        architecture="x86_64",
        cores_physical=2,
        cores_usable=2,
        memory_bytes=25_276_514_304,
        operating_system="Debian GNU/Linux 12",
        kernel="6.1",
        virtualised=None,
        governor=None,
        frequency_max_mhz=None,
        numa_nodes=1,
        python="CPython 3.11.7",
        packages={"numpy": "2.4.6"},
    )
    return Run(
        suite_version="0.1.0",
        run_id="20260101T000000Z-abcd",
        started_at="2026-01-01T00:00:00+00:00",
        status=status,
        plan=RunPlan(mode=mode),
        host=host,
        measurements=tuple(entry.measurement for entry in records),
    )


def failed_trial() -> Trial:
    return Trial(index=1, status="failed", started_at="2026-01-01T00:00:00+00:00", seed=5, failure="signal 11 [bold]")
