"""Findings about the load of an open loop: who is `overloaded`, `harness-late` or `not-steady`, and who is not."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from bench.judging.trial import opened_loop, score_trial, trial_findings
from bench.loadgen.arrivals import Arrivals, camera_frames, poisson_ns, rising_poisson
from bench.loadgen.load import RAMP
from bench.records.numbers import Score
from bench.records.plan import Measurement, Scenario
from bench.scoring.columns import DROPPED, FAILED, Columns

from ..fixtures import REPORT, measurement

Int64s = NDArray[np.int64]
MS = 1_000_000
SERVICE_NS, BOUND_NS = MS, 100 * MS
FULL_PER_S = 1e9 / SERVICE_NS
SCENARIOS: tuple[Scenario, ...] = ("server", "streams", "ramp", "trace")


def served(times: Int64s, drop_ns: int | None = None, late_ns: int = 0, give_up_ns: int | None = None) -> Columns:
    """One worker that takes what is due one by one and answers in a millisecond; `late_ns` is the harness's doing."""
    rows, free, first = [], 0, 0
    while first < len(times):
        due = int(times[first])
        now = max(due, free) + (late_ns if free <= due else 0)
        if give_up_ns is not None and now > give_up_ns:
            rows.append((len(times) - first, now, now, FAILED))
            break
        old = int(times[first:].searchsorted(now - drop_ns)) if drop_ns is not None else 0
        if old:
            rows.append((old, now, now, DROPPED))
        else:
            free = now + SERVICE_NS
            rows.append((1, now, free, 0))
        first += rows[-1][0]
    held, started, ended, status = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    starts = np.cumsum(held) - held
    return Columns(
        scheduled_ns=times[starts],
        started_ns=started,
        ended_ns=ended,
        first_query=starts.astype(np.int32),
        queries=held.astype(np.int32),
        worker=np.zeros(len(rows), np.int16),
        status=status.astype(np.uint8),
    )


def asked_for(scenario: Scenario) -> Measurement:
    frames = {"frames_per_s": 25.0} if scenario == "streams" else {}
    return measurement(scenario, latency_bound_ns=BOUND_NS, rate_per_s=500.0, **frames)


def found(scenario: Scenario, arrivals: Arrivals, **how: int) -> tuple[set[str], Score]:
    """Codes found about a repetition at these arrivals, but those about how long it was; and its figures."""
    asked, times = asked_for(scenario), arrivals.times_ns
    columns = served(times, drop_ns=BOUND_NS if scenario == "streams" else None, **how)
    opened = opened_loop(columns, times, arrivals.group, asked)
    score = score_trial(columns, asked, opened)
    report = msgspec.structs.replace(REPORT, elapsed_ns=columns.elapsed_ns + 1)
    codes = {entry.code for entry in trial_findings(columns, score, report, asked, "standard", opened)}
    return codes - {"too-short", "too-few-queries"}, score


def poisson(load: float, seconds: float = 10.0) -> Arrivals:
    rate = load * FULL_PER_S
    return Arrivals(times_ns=poisson_ns(round(rate * seconds), rate, seed=3))


def cameras(load: float, seconds: float = 10.0, seed: int = 3) -> Arrivals:
    return camera_frames(round(load * FULL_PER_S / 25.0), round(25 * seconds), 25.0, seed)


def ramp() -> Arrivals:
    rates = [step * FULL_PER_S for step in RAMP]
    return rising_poisson([round(rate * 2.0) for rate in rates], rates, seed=3)


def bursts(every_s: float = 1.0, at_once: int = 300) -> Arrivals:
    """Three hundred at the same moment every second: a third of a second of work."""
    return Arrivals(times_ns=np.repeat(np.arange(10) * round(every_s * 1e9), at_once).astype(np.int64))


PLAIN: dict[Scenario, Arrivals] = {
    "server": poisson(0.5),
    "streams": cameras(0.5),
    "ramp": ramp(),
    "trace": poisson(0.5),
}


# ------------------------------------------------------------------------------------------------------ overloaded


@pytest.mark.parametrize("load", [0.3, 0.8])
def test_a_rate_that_is_served_is_not_overloaded(load: float) -> None:
    assert found("server", poisson(load))[0] == set()
    assert found("streams", cameras(load))[0] == set()


@pytest.mark.parametrize("load", [1.05, 1.3])
def test_a_rate_above_what_is_served_is_overloaded(load: float) -> None:
    assert "overloaded" in found("server", poisson(load))[0]


def test_queries_that_nobody_took_in_the_end_are_a_backlog() -> None:
    arrivals = poisson(1.3)
    codes, _ = found("server", arrivals, give_up_ns=int(arrivals.times_ns[-1]) + BOUND_NS)
    assert {"overloaded", "queries-failed"} <= codes


def test_a_ramp_ends_in_an_overload_by_design_and_is_not_accused_of_it() -> None:
    codes, score = found("ramp", ramp())
    assert codes == set()
    assert score.curve[-1].offered_per_s > 1.1 * score.curve[-1].completed_per_s  # it was one


def test_a_burst_in_a_trace_is_what_was_asked_for() -> None:
    codes, score = found("trace", bursts())
    assert codes == set()
    assert (score.metrics["late_share"].value or 0.0) > 0.5  # which says what the bursts did


def test_a_trace_beyond_what_is_served_says_so_in_its_figures() -> None:
    codes, score = found("trace", poisson(1.3))
    assert codes == set()
    assert (score.metrics["late_share"].value or 0.0) > 0.5


def test_too_many_cameras_are_found_by_their_frames() -> None:
    """What is dropped does not wait: no queue grows beyond the deadline, and the late share decides."""
    codes, score = found("streams", cameras(1.3))
    assert codes == set()
    assert (score.metrics["worst_late_share"].value or 0.0) > 0.2


def test_a_queue_of_frames_that_grows_towards_the_deadline_is_an_overload() -> None:
    """Half a percent too much for ten seconds: 50 ms of backlog, no frame is late yet."""
    arrivals = cameras(1.0)
    slower = Arrivals(times_ns=(arrivals.times_ns / 1.005).astype(np.int64), group=arrivals.group)
    codes, score = found("streams", slower)
    assert score.metrics["worst_late_share"].value == 0.0
    assert codes == {"overloaded"}


# ------------------------------------------------------------------------------------- harness-late and not-steady


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize(("late_ns", "told"), [(BOUND_NS // 10, False), (BOUND_NS // 10 + 1, True)])
def test_a_harness_that_is_late_is_told_in_every_open_loop(scenario: Scenario, late_ns: int, told: bool) -> None:
    arrivals = PLAIN[scenario]
    # Far apart, so that a worker is free for each, and at the very moment when a frame would be dropped none is.
    spread = Arrivals(times_ns=arrivals.times_ns * 40, group=arrivals.group)
    codes, _ = found(scenario, spread, late_ns=late_ns)
    assert ("harness-late" in codes) == told


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_warm_up_that_was_not_steady_is_told_in_every_open_loop(scenario: Scenario) -> None:
    arrivals, asked = PLAIN[scenario], asked_for(scenario)
    columns = served(arrivals.times_ns)
    opened = opened_loop(columns, arrivals.times_ns, arrivals.group, asked)
    score = score_trial(columns, asked, opened)
    for steady in (True, False, None):
        report = msgspec.structs.replace(REPORT, elapsed_ns=columns.elapsed_ns + 1, steady=steady)
        codes = {entry.code for entry in trial_findings(columns, score, report, asked, "standard", opened)}
        assert ("not-steady" in codes) == (steady is False)
