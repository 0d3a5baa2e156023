"""`bench.host.floor`: delays as they are, on clocks of our own; no time of this machine is asserted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.host import doctor, floor
from bench.host.floor import Lateness, lateness, thread_switches, wake_ups
from bench.loadgen import scheduled


@given(st.lists(st.integers(0, 10**10), min_size=1, max_size=300))
def test_percentiles_are_those_of_the_sorted_delays(delays: list[int]) -> None:
    ordered = np.sort(np.array(delays))
    found = lateness(delays)
    expected = (len(delays), ordered[len(delays) // 2], ordered[len(delays) * 99 // 100], ordered.max())
    assert (found.n, found.p50_ns, found.p99_ns, found.max_ns) == expected


def test_no_delay_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="no delay"):
        lateness([])


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
    assert clock.slept == 20


def test_the_floor_waits_as_the_driver_does() -> None:
    assert floor.SPIN_NS == scheduled._SPIN_NS


def test_every_switch_is_seen_and_none_goes_back_in_time() -> None:
    found = thread_switches(50)
    assert found.n == 50
    assert 0 <= found.p50_ns <= found.p99_ns <= found.max_ns


@pytest.mark.parametrize(("p99_ns", "state"), [(1_500_000, "ok"), (1_500_001, "warning")])
def test_a_floor_too_high_for_the_suite_is_warned_of(p99_ns: int, state: str) -> None:
    seen = Lateness(n=500, p50_ns=1_000, p99_ns=p99_ns, max_ns=p99_ns)
    assert doctor._late("switch of threads", seen).state == state
