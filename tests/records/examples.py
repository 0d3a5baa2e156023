"""Records with every field filled, for round trips and for the store."""

from __future__ import annotations

import msgspec

from bench.records.findings import finding
from bench.records.numbers import (
    Interval,
    Measured,
    PairedCounts,
    Refusal,
    RelativeError,
    Sketch,
    Verdict,
)
from bench.records.plan import RunPlan
from bench.records.record import Quality, Record, Run, Trial

from ..fixtures import HOST, MEASUREMENT, REPORT

INTERVAL = Interval(low=0.1, high=0.3, confidence=0.95, kind="newcombe-paired")
VERDICT = Verdict(
    value=0.9,
    interval=INTERVAL,
    reference=0.91,
    target=0.85,
    target_met=True,
    counts=PairedCounts(both=90, gained=1, lost=2, neither=7),
    difference=INTERVAL,
    allowance=-0.009,
    samples_needed=2290,
    offered=False,
    passed=None,
)
QUALITY = Quality(
    metric="top1",
    samples=100,
    evaluation_samples=200,
    value=0.9,
    interval=INTERVAL,
    target=0.85,
    verdict=VERDICT,
    error=RelativeError(median=1e-7, max=1e-6),
    agreement=1.0,
    judged_by="agreement",
    passed=True,
)
SKETCH = Sketch(
    quantity="latency_ns",
    count=2,
    failed=1,
    probabilities=(0.5, 0.9),
    values=(10, None),
    window_ns=5,
    window_start_ns=(0, 5),
    window_min_ns=(1, None),
    window_mean_ns=(1.5, None),
    window_max_ns=(2, None),
    window_completed=(2, 0),
)
METRICS = {
    "latency_p90_ns": Measured(value=1.5e6, interval=INTERVAL),
    "latency_p99_ns": Measured(refusal=Refusal(code="too-few-queries", seen=10.0, limit=662.0)),
    "samples_per_s": Measured(value=3.0, interval_refusal=Refusal(code="too-short", seen=0.0, limit=1.0)),
}
FINDINGS = (finding("not-steady", "quick", 60, 50), finding("repetition-failed", "quick", "it broke"))
TRIAL = Trial(
    index=0,
    status="complete",
    started_at="2026-01-02T03:04:05+00:00",
    seed=7,
    report=REPORT,
    elapsed_s=2.5,
    metrics=METRICS,
    sketch=SKETCH,
    quality=QUALITY,
    findings=FINDINGS,
)
RECORD = Record(
    suite_version="0.1.0",
    run_id="20260102T030405Z-abcd",
    status="complete",
    measurement=MEASUREMENT,
    mode="quick",
    backend="fake",
    model_hash="sha256:m",
    session_hash="sha256:s",
    config_hash="sha256:c",
    division="open",
    primary="latency_p90_ns",
    settings={"delay_us": 1.5, "fault": "", "spinning": True, "count": 3},
    device=REPORT.device,
    facts=REPORT.facts,
    metrics=METRICS,
    quality=QUALITY,
    sketch=SKETCH,
    findings=FINDINGS,
    trials=("trial-00",),
)
RUN = Run(
    suite_version="0.1.0",
    run_id="20260102T030405Z-abcd",
    started_at="2026-01-02T03:04:05+00:00",
    status="complete",
    plan=RunPlan(model="/m.onnx", backend="fake", scenarios=("single_stream",)),
    host=HOST,
    measurements=(MEASUREMENT,),
)
BY_NAME: dict[str, msgspec.Struct] = {"run.json": RUN, "record.json": RECORD, "trial.json": TRIAL}
