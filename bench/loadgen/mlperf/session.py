"""One LoadGen test from request to logs; the only place where `mlperf_loadgen` is imported.

A process may call `run_test` once: LoadGen's logger and controller are singletons that a second test finds used up.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol  # Any: LoadGen's binding has no types

from bench.backends.base import Unsupported
from bench.loadgen.mlperf.request import Request

LOGS = "loadgen"
_SCENARIOS = {
    "single_stream": "SingleStream",
    "multi_stream": "MultiStream",
    "server": "Server",
    "offline": "Offline",
}

Issue = Callable[[list[int], list[int]], None]


class Complete(Protocol):
    """Tells LoadGen that samples are done, by their ids; with their answers, which it looks at in accuracy tests."""

    def __call__(self, ids: list[int], answers: Sequence[bytes] = (), /) -> None: ...


def run_test(
    request: Request,
    folder: Path,
    load: Callable[[list[int]], None],
    issuer: Callable[[Complete], Issue],
) -> None:
    """Run the test and leave LoadGen's logs in `folder`. Returns when every issued sample was completed.

    `load` gets the labels that may be drawn; `issuer` makes, from what completes samples by their ids, the callback
    that gets ids and labels of each query. Neither may raise. Raises Unsupported where LoadGen is not installed.
    """
    lg = _binding()
    folder.mkdir(parents=True, exist_ok=True)  # where it is missing, LoadGen says so and runs nothing
    response = lg.QuerySampleResponse

    def complete(ids: list[int], answers: Sequence[bytes] = (), /) -> None:
        if not answers:
            lg.QuerySamplesComplete([response(number, 0, 0) for number in ids])
            return
        held = [array("B", answer) for answer in answers]  # they are read before the call returns, and not later
        told = [(number, *one.buffer_info()) for number, one in zip(ids, held, strict=True)]
        lg.QuerySamplesComplete([response(number, address, size) for number, address, size in told])

    sut = lg.ConstructFastSUT(issuer(complete), lambda: None)
    qsl = lg.ConstructQSL(request.total or request.loaded, request.loaded, load, lambda labels: None)
    try:
        # An audit file in the current folder would override what is asked for without a word: none is named.
        no_audit = str(folder / "no-audit.config")
        lg.StartTestWithLogSettings(sut, qsl, _settings(lg, request), _log_settings(lg, request, folder), no_audit)
    finally:
        lg.DestroyFastSUT(sut)
        lg.DestroyQSL(qsl)


def _binding() -> Any:
    try:
        import mlperf_loadgen
    except ImportError as error:
        raise Unsupported(f"MLPerf LoadGen cannot be loaded ({error}): `pip install mlcommons-loadgen`.") from None
    return mlperf_loadgen


def _settings(lg: Any, request: Request) -> Any:
    settings = lg.TestSettings()
    settings.scenario = getattr(lg.TestScenario, _SCENARIOS[request.scenario])
    settings.mode = lg.TestMode.AccuracyOnly if request.accuracy else lg.TestMode.PerformanceOnly
    if request.mlperf:
        # MLPerf's own configuration, seeds and all, is a part of the package; no file is read.
        settings.FromConfig("", "*", _SCENARIOS[request.scenario], 0)
    else:
        settings.qsl_rng_seed = request.qsl_seed
        settings.sample_index_rng_seed = request.sample_seed
        settings.schedule_rng_seed = request.schedule_seed
    if not request.accuracy:
        settings.min_duration_ms = round(request.duration_s * 1e3)
    settings.min_query_count = request.queries
    if request.scenario == "server":
        settings.server_target_qps = request.rate_per_s
        settings.server_target_latency_ns = request.bound_ns
    elif request.accuracy:
        pass  # it asks for every sample once, however long that takes
    elif request.scenario == "offline":
        # One query; its samples are the larger of these two.
        settings.min_query_count = request.samples
        settings.offline_expected_qps = 0.9 * request.samples / max(request.duration_s, 1e-9)
    else:
        # LoadGen lays out queries for twice the duration at the expected latency: with this one, as many as are wanted.
        settings.max_query_count = request.queries
        expected_ns = round(2e9 * request.duration_s / request.queries) + 1
        settings.single_stream_expected_latency_ns = settings.multi_stream_expected_latency_ns = expected_ns
        settings.multi_stream_samples_per_query = request.samples_per_query
    return settings


def _log_settings(lg: Any, request: Request, folder: Path) -> Any:
    output = lg.LogOutputSettings()
    output.outdir = str(folder)
    settings = lg.LogSettings()
    settings.log_output = output
    settings.enable_trace = request.trace
    return settings
