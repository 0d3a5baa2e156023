"""What MLPerf's submission checker (v6.1) asks of a benchmark whose place a workload takes in the open division."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any  # Any: values of logs

import msgspec

_LEAST_MS = 600_000


class Benchmark(msgspec.Struct, frozen=True, kw_only=True):
    """A benchmark by the checker's name: samples that are fed in turn, at least, and samples of its accuracy test."""

    name: str
    fed: int
    evaluated: int


BENCHMARKS: Mapping[str, Benchmark] = MappingProxyType(
    {
        asked: Benchmark(name=name, fed=fed, evaluated=evaluated)
        for asked, name, fed, evaluated in (
            ("resnet50", "resnet", 1024, 50_000),
            ("yolo-95", "yolo-95", 64, 1525),
            ("yolo-99", "yolo-99", 64, 1525),
            ("whisper", "whisper", 1633, 1633),
            ("bert-99", "bert-99", 10_833, 10_833),
            ("3d-unet-99", "3d-unet-99", 43, 43),
        )
    }
)


class Shortfall(msgspec.Struct, frozen=True, kw_only=True):
    """A demand that is not met: a code, what was seen, what is asked for."""

    code: str
    seen: str
    asked: str


def shortfalls(
    benchmark: Benchmark, performance: Mapping[str, Any], accuracy: Mapping[str, Any]
) -> Iterator[Shortfall]:
    """What the checker, or a reviewer where it does not look, finds wanting in the logs of both tests."""
    if performance.get("result_validity") != "VALID":
        yield Shortfall(code="not-valid", seen=str(performance.get("result_validity")), asked="VALID")
    for code, key, least in (
        ("too-short", "effective_min_duration_ms", _LEAST_MS),
        ("too-few-fed", "effective_performance_sample_count", benchmark.fed),
    ):
        seen = performance.get(key, 0)
        if not isinstance(seen, int | float) or seen < least:
            yield Shortfall(code=code, seen=str(seen), asked=str(least))
    evaluated = accuracy.get("qsl_reported_total_count")
    if evaluated != benchmark.evaluated:
        yield Shortfall(code="other-set", seen=str(evaluated), asked=str(benchmark.evaluated))
    for log, values in (("performance", performance), ("accuracy", accuracy)):
        if values.get("num_errors"):
            yield Shortfall(code="errors", seen=f"{values['num_errors']} ({log})", asked="0")
