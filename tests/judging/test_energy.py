"""From readings to joules per sample: which source belongs to what computed, idle, and what must be told beside it."""

from __future__ import annotations

import dataclasses

import msgspec
import numpy as np
import pytest

from bench.host.observer import Watched
from bench.judging.energy import answered_samples, energy_findings, energy_metrics, measured_energy
from bench.judging.trial import opened_loop
from bench.power.recorder import Trace
from bench.records.energy import Energy, EnergySource, How, Scope, Source
from bench.records.host import Device
from bench.records.job import Report
from bench.records.profile import Meter
from bench.records.state import State

from ..fixtures import REPORT, measurement
from .test_trial import columns

S = 1_000_000_000
METER = Meter(model="WT5000", class_percent=0.1, calibrated="2026-03-01")


class Described:
    """What a trace is of."""

    wraps_at: float | None = None

    def __init__(self, source: Source, scope: Scope, how: How) -> None:
        self.source, self.scope, self.how, self.name = source, scope, how, f"a {scope}"


def trace(source: Source, scope: Scope, how: How, idle_w: float, busy_w: float) -> Trace:
    """Readings ten times a second for 30 s: idle to 10 s, at work to 20 s, idle again."""
    times = np.arange(0, 30 * S + 1, S // 10, dtype=np.int64)
    busy = (times > 10 * S) & (times <= 20 * S)
    watts = np.where(busy, busy_w, idle_w)
    joules = np.concatenate([[0.0], np.cumsum(watts[1:] * 0.1)])
    values = joules if how == "counter" else watts
    return Trace(sensor=Described(source, scope, how), times_ns=times, values=values, reading_s=0.03)


def watched(*traces: Trace) -> Watched:
    return Watched(
        state=State(),
        traces=traces,
        unread={"nvml": "no card"},
        idle_before_ns=(0, 9 * S),
        idle_after_ns=(21 * S, 30 * S),
    )


def report(kind: str = "cpu", **changes: object) -> Report:
    device = Device(kind=kind)
    return msgspec.structs.replace(REPORT, device=device, t0_ns=11 * S, elapsed_ns=8 * S, cpu_s=4.0, **changes)


def energy(*traces: Trace, meter: Meter | None = None, kind: str = "cpu") -> Energy:
    return measured_energy(watched(*traces), report(kind), 1000, meter)


@pytest.mark.parametrize("how", ["counter", "sampled"])
def test_joules_of_the_window_and_idle_before_and_after(how: How) -> None:
    found = energy(trace("rapl", "processor", how, 20.0, 60.0))
    (one,) = found.sources
    assert one.joules == pytest.approx(480.0)
    assert one.error_j is not None
    assert one.error_j <= 2 * 2 * 6.0 + 1e-9, "a counter may be one reading behind at both ends"
    assert (one.idle_before_w, one.idle_after_w) == (pytest.approx(20.0), pytest.approx(20.0))
    assert (one.readings, one.longest_gap_s) == (81, pytest.approx(0.1))
    assert found.reading_share == pytest.approx(0.001)
    assert (found.window_s, found.samples, found.unread) == (8.0, 1000, {"nvml": "no card"})


def test_what_computed_is_what_counts() -> None:
    traces = (
        trace("rapl", "processor", "counter", 20.0, 60.0),
        trace("rapl", "memory", "counter", 2.0, 5.0),
        trace("rapl", "machine", "counter", 50.0, 100.0),
        trace("nvml", "card", "counter", 50.0, 300.0),
        trace("nvml", "card", "counter", 50.0, 50.0),
        trace("meter", "wall", "sampled", 150.0, 600.0),
    )
    cpu = energy_metrics(energy(*traces), report(), 1000)
    card = energy_metrics(energy(*traces, kind="cuda"), report("cuda"), 1000)
    assert cpu["device_energy_per_sample_j"].value == pytest.approx(0.52)
    assert card["device_energy_per_sample_j"].value == pytest.approx(2.8), "an idle card is part of the machine"
    assert cpu["wall_energy_per_sample_j"].value == card["wall_energy_per_sample_j"].value == pytest.approx(4.8)
    assert cpu["host_cpu_per_sample_ns"].value == pytest.approx(4e6)


def test_where_nothing_is_measured_nothing_is_claimed() -> None:
    assert set(energy_metrics(None, report(), 1000)) == {"host_cpu_per_sample_ns"}
    assert energy_metrics(energy(), msgspec.structs.replace(report(), cpu_s=None), 9) == {}
    assert energy_findings(None, "certified") == energy_findings(energy(), "certified") == ()


def test_a_source_that_does_not_cover_the_window_gives_no_figure() -> None:
    whole = trace("meter", "wall", "sampled", 1.0, 2.0)
    early = msgspec.structs.replace(whole, times_ns=whole.times_ns[:150], values=whole.values[:150])
    found = energy(early, meter=METER)
    assert found.sources[0].joules is None
    refused = energy_metrics(found, report(), 1000)["wall_energy_per_sample_j"]
    assert refused.value is None
    assert refused.refusal is not None
    assert (refused.refusal.code, refused.refusal.seen, refused.refusal.limit) == ("energy-not-covered", 0, 1)
    (told,) = energy_findings(found, "standard")
    assert (told.code, told.severity, told.subject) == ("energy-not-covered", "warning", "a wall")


def test_one_of_two_that_is_missing_leaves_no_half_of_a_sum() -> None:
    whole = trace("rapl", "processor", "counter", 1.0, 2.0)
    gone = msgspec.structs.replace(whole, times_ns=whole.times_ns[:0], values=whole.values[:0])
    assert energy_metrics(energy(whole, gone), report(), 10)["device_energy_per_sample_j"].value is None


def test_a_card_in_a_short_window_and_a_meter_without_papers_are_told() -> None:
    card, wall = trace("nvml", "card", "counter", 50.0, 300.0), trace("meter", "wall", "sampled", 1.0, 2.0)
    codes = [one.code for one in energy_findings(energy(card, wall), "certified")]
    assert codes == ["energy-window-short", "meter-not-certified"]
    assert energy(wall, meter=METER).certified
    for lacking in (
        None,
        msgspec.structs.replace(METER, class_percent=1.5),
        msgspec.structs.replace(METER, calibrated=None),
        Meter(model="x"),
    ):
        assert not energy(wall, meter=lacking).certified
    assert not energy(card, meter=METER).certified


def test_an_uncertain_figure_is_told() -> None:
    def with_error(error_j: float) -> Energy:
        one = EnergySource(source="rapl", name="a", scope="processor", how="counter", joules=100.0, error_j=error_j)
        return Energy(window_s=1.0, samples=1, sources=(one,))

    assert energy_findings(with_error(5.0), "certified") == ()
    (told,) = energy_findings(with_error(5.1), "certified")
    assert (told.code, told.seen, told.limit) == ("energy-uncertain", pytest.approx(0.051), 0.05)
    nothing = EnergySource(source="rapl", name="a", scope="processor", how="counter", joules=0.0, error_j=1.0)
    assert energy_findings(Energy(window_s=1.0, samples=1, sources=(nothing,)), "quick")[0].seen == 1.0


def test_samples_are_counted_as_answered() -> None:
    single = columns(100, failed=(3, 4))
    assert answered_samples(single, None, "single_stream") == 98
    batches = dataclasses.replace(single, queries=np.full(100, 8, np.int32))
    assert answered_samples(batches, None, "offline") == 98 * 8
    # four rows of two samples make one query of eight
    several = dataclasses.replace(single, first_query=np.arange(100, dtype=np.int32) // 4, samples_per_query=8)
    assert answered_samples(several, None, "multi_stream") == 23 * 8, "rows 3 and 4 are of two queries"
    asked = measurement("server", latency_bound_ns=S)
    opened = opened_loop(single, single.scheduled_ns, None, asked)
    assert answered_samples(single, opened, "server") == 98
