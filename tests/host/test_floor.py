"""`bench.host.floor`: delays as they are, on clocks of our own; no time of this machine is asserted."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from bench.host import floor
from bench.host.check import Check
from bench.host.floor import Floor, clock_readings, measure_floor, thread_switches, wake_ups
from bench.host.floor_checks import floor_checks
from bench.records.numbers import Lateness


class LateClock:
    """Each reading takes 100 ns; a sleep ends 50 µs later than asked."""

    def __init__(self) -> None:
        self.now_ns, self.slept = 0, 0

    def perf_counter_ns(self) -> int:
        self.now_ns += 100
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        self.slept += 1
        self.now_ns += round(seconds * 1e9) + 50_000


@pytest.mark.parametrize(("spin_ns", "low", "high"), [(0, 50_000, 50_500), (80_000, 0, 300)])
def test_spinning_takes_away_what_a_sleep_is_late(
    monkeypatch: pytest.MonkeyPatch, spin_ns: int, low: int, high: int
) -> None:
    clock = LateClock()
    monkeypatch.setattr(floor, "time", clock)
    found = wake_ups(20, spin_ns)
    assert low <= found.p50_ns <= found.max_ns <= high
    assert (found.count, clock.slept) == (20, 20)


class Ticking:
    """A clock of whole ticks, read `per_tick` times in each."""

    def __init__(self, tick_ns: int, per_tick: int) -> None:
        self._readings = self._read(tick_ns, per_tick)

    def _read(self, tick_ns: int, per_tick: int) -> Iterator[int]:
        reading = 0
        while True:
            yield reading // per_tick * tick_ns
            reading += 1

    def perf_counter_ns(self) -> int:
        return next(self._readings)


@pytest.mark.parametrize(("tick_ns", "per_tick"), [(25, 1), (1_000, 16), (15_600_000, 40_000)])
def test_cost_and_step_of_a_clock_that_ticks(monkeypatch: pytest.MonkeyPatch, tick_ns: int, per_tick: int) -> None:
    monkeypatch.setattr(floor, "time", Ticking(tick_ns, per_tick))
    reading_ns, step_ns = clock_readings()
    assert step_ns == tick_ns
    assert reading_ns == pytest.approx(tick_ns / per_tick, rel=0.01)


def test_every_switch_is_seen_and_none_goes_back_in_time() -> None:
    found = thread_switches(50)
    assert found.count == 50
    assert 0 <= found.p50_ns <= found.max_ns


def test_this_host_has_a_floor() -> None:
    found = measure_floor(20)
    assert found.reading_ns > 0
    assert found.closed_loop_ns > found.step_ns >= 1
    assert {found.asleep.count, found.waiting.count, found.switching.count} == {20}


# -------------------------------------------------------------------------------------------------------- in words


def checks(lang: str = "en", p99_ns: float | None = 6_600.0, max_ns: float = 9e6, **fields: float) -> dict[str, Check]:
    late = Lateness(count=700, p50_ns=200.0, p99_ns=p99_ns, p999_ns=None, max_ns=max_ns)
    plain = Floor(reading_ns=61.0, step_ns=40, asleep=late, waiting=late, switching=late)
    return {check.name: check for check in floor_checks(msgspec.structs.replace(plain, **fields), lang)}


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_can_be_told_apart_is_said_in_both_languages(lang: str) -> None:
    seen = checks(lang)["floor"].seen
    assert all(figure in seen for figure in ("101 ns", "200 ns", "6.60 µs", "66.0 µs"))


@pytest.mark.parametrize(
    ("p99_ns", "max_ns", "state"),
    [(1_500_000, 9e6, "ok"), (1_500_001, 9e6, "warning"), (None, 1_500_000, "ok"), (None, 1_500_001, "warning")],
)
def test_a_floor_too_high_for_the_suite_is_warned_of(p99_ns: float | None, max_ns: float, state: str) -> None:
    check = checks(p99_ns=p99_ns, max_ns=max_ns)["floor"]
    assert check.state == state
    assert bool(check.advice) == (state == "warning")


@pytest.mark.parametrize(("reading_ns", "state"), [(1_000.0, "ok"), (5_000.0, "warning")])
def test_a_slow_clock_is_warned_of(reading_ns: float, state: str) -> None:
    check = checks(reading_ns=reading_ns, step_ns=25)["clock"]
    assert check.state == state
    assert check.seen == f"{reading_ns / 1e3:.2f} µs a reading, smallest step 25 ns"
