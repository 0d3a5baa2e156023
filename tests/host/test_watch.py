"""`bench.host.watch`: shares from two readings of the kernel's counters; what cannot be read stays unknown."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.host import watch
from bench.host.watch import Watch, current_frequency_mhz

CPUS = os.cpu_count() or 1


def reading(**changes: object) -> watch._Reading:
    plain: dict[str, object] = {
        "at_s": 100.0,
        "busy_s": 50.0,
        "steal_s": 1.0,
        "own_s": 10.0,
        "switches": 5,
        "swapped": 7,
        "frequency_mhz": 2000.0,
    }
    return watch._Reading(**(plain | changes))  # type: ignore[arg-type]


def noise(monkeypatch: pytest.MonkeyPatch, before: watch._Reading, after: watch._Reading) -> watch.Noise:
    readings = iter([before, after])
    monkeypatch.setattr(watch, "_read", lambda: next(readings))
    return Watch().stop()


def test_shares_are_of_the_capacity_of_the_whole_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    after = reading(
        at_s=104.0,
        busy_s=50.0 + 2.0 * CPUS,
        steal_s=1.0 + 0.4 * CPUS,
        own_s=10.0 + 1.0 * CPUS,
        switches=13,
        swapped=10,
        frequency_mhz=1500.0,
    )
    found = noise(monkeypatch, reading(), after)
    assert found.seconds == 4.0
    assert found.foreign_cpu_share == pytest.approx((2.0 - 1.0) / 4.0)
    assert found.steal_share == pytest.approx(0.1)
    assert found.involuntary_switches_per_s == 2.0
    assert found.swapped_pages == 3
    assert found.frequency_change == pytest.approx(0.25)


def test_own_work_counted_beyond_what_the_kernel_shows_is_no_negative_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's counters tick in hundredths of a second, those of a process finer."""
    assert noise(monkeypatch, reading(), reading(at_s=101.0, own_s=10.02)).foreign_cpu_share == 0.0


def test_what_cannot_be_read_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    blind = {"busy_s": None, "steal_s": None, "swapped": None, "frequency_mhz": None}
    for before, after in ((reading(**blind), reading()), (reading(), reading(**blind))):
        found = noise(monkeypatch, before, after)
        assert found.foreign_cpu_share is found.steal_share is found.swapped_pages is found.frequency_change is None


def test_the_kernels_counters_are_read_as_documented(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """user nice system idle iowait irq softirq steal guest guest_nice, in ticks."""
    texts = {"/proc/stat": "cpu  100 20 30 1000 500 4 6 50 7 8\ncpu0 1 1 1 1 1 1 1 1 1 1\n", "/proc/vmstat": "a 1\n"}
    monkeypatch.setattr(Path, "read_text", lambda self: texts[str(self)])
    monkeypatch.setattr(watch, "_TICKS_PER_S", 100)
    assert watch._cpu_seconds() == (1.6, 0.5)
    assert watch._swapped_pages() is None
    texts["/proc/vmstat"] = "pswpin 3\npswpout 4\n"
    assert watch._swapped_pages() == 7
    texts["/proc/stat"] = "cpu 1 2\n"
    assert watch._cpu_seconds() == (None, None)


def test_this_machine_can_be_watched() -> None:
    found = Watch().stop()
    assert found.seconds > 0
    assert found.involuntary_switches_per_s is not None
    frequency = current_frequency_mhz()
    assert frequency is None or frequency > 0
