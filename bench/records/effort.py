"""How long and how often a mode measures: durations, repetitions, warm-up, searches."""

from __future__ import annotations

import msgspec

from bench.records.plan import SEARCHED, Measurement, Mode, Scenario


class Effort(msgspec.Struct, frozen=True, kw_only=True):
    """How long and how often a mode measures (measurement.md section 3)."""

    repetitions: tuple[int, ...]  # looks: repetitions are added until the interval is narrow enough
    duration_s: float
    longest_s: float
    window_s: float  # warm-up is ten windows of at least this and of `window_batches`
    window_batches: int
    half_width: float | None
    half_width_p99: float | None = None  # where it is another one for 99th percentiles
    first_window_s: float | None = None  # windows of the first process, which also brings the machine to heat
    # What LoadGen is asked for in mode `mlperf`: less than `duration_s`, for which rows are counted out beforehand, so
    # that an engine which gets faster does not end before it.
    loadgen_s: float | None = None
    bounds: float = 0.0  # `server` and `streams` last at least this many latency bounds
    # `server`: how far apart the ends of a searched rate may be, how much a rate that fails is lowered, how often; and
    # whether the next higher one, which does not hold, gets repetitions of its own
    search_width: float = 0.02
    step_down: float = 0.01
    most_attempts: int = 20
    confirm_failing: bool = True
    # `--tune`: for the trials of one measurement
    tune_budget_s: float = 300.0


EFFORTS: dict[Mode, Effort] = {
    "quick": Effort(
        repetitions=(1,),
        duration_s=2.0,
        longest_s=30.0,
        window_s=0.1,
        window_batches=1,
        half_width=None,
        search_width=0.05,
        step_down=0.05,
        most_attempts=5,
        confirm_failing=False,
        tune_budget_s=60.0,
    ),
    "standard": Effort(
        repetitions=(5, 10, 20), duration_s=10.0, longest_s=600.0, window_s=1.0, window_batches=50, half_width=0.03
    ),
    "certified": Effort(
        repetitions=(5, 10, 20),
        duration_s=60.0,
        longest_s=600.0,
        window_s=1.0,
        window_batches=50,
        half_width=0.01,
        half_width_p99=0.03,
        first_window_s=60.0,
        bounds=300.0,
        search_width=0.01,
    ),
    "mlperf": Effort(
        repetitions=(1,),
        duration_s=660.0,
        longest_s=1200.0,
        window_s=1.0,
        window_batches=50,
        half_width=None,
        loadgen_s=600.0,
    ),
}


# Fewest queries per scenario (batches in `offline`): what the primary metric and its interval within the run need. 200
# put an exceedance of p90 into at least ten of twenty batches; 662 carry p99; twenty batches make twenty batch means.
# `streams`: frames of a camera, of which one may be late; `ramp`: queries at one rate.
LEAST_QUERIES: dict[Scenario, int] = {
    "single_stream": 200,
    "multi_stream": 662,
    "server": 662,
    "streams": 100,
    "ramp": 100,
    "trace": 662,
    "concurrent": 662,
    "offline": 20,
}


def effort_of(mode: Mode, measurement: Measurement, first: bool = False) -> Effort:
    """The effort of `mode` for one measurement: a load with a long latency bound takes longer to show itself.

    `first`: of its first process, be it a search or a repetition, which brings the machine to heat.
    """
    effort = EFFORTS[mode]
    if first and effort.first_window_s is not None:
        effort = msgspec.structs.replace(effort, window_s=effort.first_window_s)
    if measurement.scenario not in SEARCHED or measurement.latency_bound_ns is None:
        return effort
    least_s = min(effort.bounds * measurement.latency_bound_ns / 1e9, effort.longest_s)
    return msgspec.structs.replace(effort, duration_s=max(effort.duration_s, least_s))
