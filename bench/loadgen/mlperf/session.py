"""One LoadGen test from request to logs; the only place where `mlperf_loadgen` is imported.

A process may call `run_test` once: LoadGen's logger and controller are singletons that a second test finds used up.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any  # Any: LoadGen's binding has no types

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
Complete = Callable[[list[int]], None]


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

    def complete(ids: list[int]) -> None:
        # No answer is handed over: LoadGen looks at answers in accuracy runs only.
        lg.QuerySamplesComplete([response(number, 0, 0) for number in ids])

    sut = lg.ConstructFastSUT(issuer(complete), lambda: None)
    qsl = lg.ConstructQSL(request.loaded, request.loaded, load, lambda labels: None)
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
    settings.mode = lg.TestMode.PerformanceOnly
    settings.min_duration_ms = round(request.duration_s * 1e3)
    settings.qsl_rng_seed = request.qsl_seed
    settings.sample_index_rng_seed = request.sample_seed
    settings.schedule_rng_seed = request.schedule_seed
    settings.min_query_count = request.queries
    if request.scenario == "offline":
        # One query; its samples are the larger of these two.
        settings.min_query_count = request.samples
        settings.offline_expected_qps = 0.9 * request.samples / max(request.duration_s, 1e-9)
    elif request.scenario == "server":
        settings.server_target_qps = request.rate_per_s
        settings.server_target_latency_ns = request.bound_ns
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
