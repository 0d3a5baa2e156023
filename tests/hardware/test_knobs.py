"""Knobs on trees of `/sys` and scripted cards; settings that are changed for a command and put back."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.hardware.files import Files
from bench.hardware.knobs import knobs
from bench.hardware.nvml import Nvml
from bench.host.leftover import CannotTune
from bench.host.state import TUNED, StateWatch, _course, stretches
from bench.host.tune import applied, changes, summary
from bench.judging.state import slowed_s, state_findings
from bench.records.record import Trial
from bench.records.state import Course, State
from tests.fixtures import REPORT
from tests.report import samples

from .cards import FakeNvml
from .machines import CPUS, Tree, laptop, plant

POLICY = f"{CPUS}/cpu{{}}/cpufreq"


def governed(*governors: str, offered: str = "performance powersave") -> Tree:
    """Processors with a governor each."""
    tree: Tree = {}
    for cpu, governor in enumerate(governors):
        tree[f"{POLICY.format(cpu)}/scaling_governor"] = f"{governor}\n"
        tree[f"{POLICY.format(cpu)}/scaling_available_governors"] = f"{offered}\n"
        tree[f"{POLICY.format(cpu)}/scaling_cur_freq"] = f"{1000 + cpu}000\n"
    return tree


def read(tree: Tree, root: Path, nvml: Nvml | None = None) -> dict[str, object]:
    return {knob.name: knob.read() for knob in knobs(Files(plant(tree, root)), nvml)}


def test_every_knob_of_a_host(tmp_path: Path) -> None:
    tree = governed("powersave", "performance", "powersave") | laptop()
    tree |= {
        f"{CPUS}/intel_pstate/no_turbo": "1\n",
        f"{CPUS}/smt/control": "on\n",
        "sys/kernel/mm/transparent_hugepage/enabled": "always [madvise] never\n",
        "sys/class/thermal/thermal_zone0/temp": "45000\n",
        "sys/class/thermal/thermal_zone1/temp": "61500\n",
        f"{CPUS}/cpu0/thermal_throttle/core_throttle_count": "3\n",
        f"{CPUS}/cpu1/thermal_throttle/core_throttle_count": "4\n",
        "proc/loadavg": "1.25 0.8 0.5 2/345 6789\n",
        "proc/meminfo": "MemTotal: 10 kB\nSwapTotal:  100 kB\nSwapFree:  40 kB\n",
    }
    assert read(tree, tmp_path) == {
        "governor": "powersave, performance",
        "turbo": "off",
        "smt": "on",
        "huge_pages": "madvise",
        "power_supply": "Discharging",
        "frequency_mhz": 1001.0,
        "temperature_c": 61.5,
        "throttled": 7,
        "load": 1.25,
        "swap_bytes": 60 << 10,
    }
    watch = StateWatch(knobs(Files(tmp_path), None), period_s=3600.0)
    (tmp_path / CPUS / "cpu0/thermal_throttle/core_throttle_count").write_text("9\n")
    assert [(one.code, one.seen) for one in state_findings(watch.stop(), "standard")] == [
        ("throttled", 6.0),
        ("on-battery", None),
    ]


def test_of_many_processors_some_are_read_each_second_and_all_are_counted(tmp_path: Path) -> None:
    tree: Tree = {f"{POLICY.format(cpu)}/scaling_cur_freq": "2000000\n" for cpu in range(130)}
    tree |= {f"{CPUS}/cpu{cpu}/thermal_throttle/core_throttle_count": "1\n" for cpu in range(130)}
    files = Files(plant(tree, tmp_path))
    asked: list[str] = []
    number = files.number
    files.number = lambda path: (asked.append(path), number(path))[1]  # type: ignore[method-assign]
    found = {knob.name: knob.read() for knob in knobs(files, None)}
    assert (found["frequency_mhz"], found["throttled"]) == (2000.0, 130)
    assert sum("scaling_cur_freq" in path for path in asked) <= 64


def test_turbo_of_other_drivers_and_nothing_at_all(tmp_path: Path) -> None:
    assert read({f"{CPUS}/cpufreq/boost": "1\n"}, tmp_path / "a")["turbo"] == "on"
    nothing = knobs(Files(tmp_path / "nowhere"), None)
    assert {knob.read() for knob in nothing} == {None}
    assert all(knob.why().endswith("is not there") for knob in nothing)


@pytest.mark.parametrize("rubbish", ["", "-5", "many", "9" * 400, "\xff", "1.5.2 x"])
def test_rubbish_is_no_value_and_no_error(tmp_path: Path, rubbish: str) -> None:
    tree: Tree = dict.fromkeys(governed("a"), rubbish) | {"proc/loadavg": rubbish, "proc/meminfo": rubbish}
    found = read(tree, tmp_path)
    assert found["frequency_mhz"] is found["load"] is found["swap_bytes"] is None


def test_cards(tmp_path: Path) -> None:
    card = FakeNvml(
        count=2,
        nvmlDeviceGetClockInfo=lambda handle, kind: (1980, 1200)[handle],
        nvmlDeviceGetTemperature=lambda handle, sensor: (40, 88)[handle],
        nvmlDeviceGetCurrentClocksEventReasons=lambda handle: (0x4, 0x40)[handle],
        nvmlDeviceGetCurrPcieLinkGeneration=4,
        nvmlDeviceGetCurrPcieLinkWidth=8,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: [object()] * handle,
    )
    found = {name: value for name, value in read({}, tmp_path, Nvml(card)).items() if name.startswith("card")}
    assert found == {
        "card_clock_mhz": 1200.0,
        "card_temperature_c": 88.0,
        "card_slowed": 1.0,
        "card_pcie_generation": 4.0,
        "card_pcie_width": 8.0,
        "card_processes": 1.0,
    }
    older = FakeNvml(nvmlDeviceGetCurrentClocksThrottleReasons=0x4)
    assert read({}, tmp_path, Nvml(older))["card_slowed"] == 0.0, "a power limit that is kept is no fault"


def test_a_course_is_kept_of_what_moves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TUNED, "governor: powersave → performance")
    files = Files(plant(governed("powersave", "powersave"), tmp_path))
    watch = StateWatch(knobs(files, None), period_s=0.001)
    while not watch._noted["frequency_mhz"]:
        pass
    (tmp_path / POLICY.format(0) / "scaling_governor").write_text("performance\n")
    seen = watch.stop()
    assert (seen.before["governor"], seen.after["governor"]) == ("powersave", "performance, powersave")
    assert seen.during["frequency_mhz"].mean == 1000.5
    assert set(seen.during["frequency_mhz"].values) == {1000.5}
    assert "governor" not in seen.during
    assert seen.unread["smt"].endswith("smt/control is not there")
    assert seen.tuned == ("governor: powersave → performance",)
    assert 0.0 <= seen.reading_share <= 1.0


def test_when_clocks_are_held_down_is_known_to_the_reading(tmp_path: Path) -> None:
    count = tmp_path / CPUS / "cpu0/thermal_throttle/core_throttle_count"
    watch = StateWatch(knobs(Files(plant({str(count.relative_to(tmp_path)): "3\n"}, tmp_path)), None), period_s=0.02)
    time.sleep(0.1)
    before_ns = time.perf_counter_ns()
    count.write_text("9\n")
    while not watch._slowed:
        time.sleep(0.005)
    after_ns = time.perf_counter_ns()
    time.sleep(0.1)
    ((begin, end),) = watch.stop().slowed_ns  # the count stands still otherwise
    assert begin < before_ns + 20_000_000
    assert before_ns <= end <= after_ns


def test_a_card_that_is_slowed_all_along_is_one_stretch(tmp_path: Path) -> None:
    slow = Nvml(FakeNvml(nvmlDeviceGetCurrentClocksEventReasons=0x40))
    watch = StateWatch(knobs(Files(tmp_path), slow), period_s=0.001)
    while len(watch._slowed) < 5:
        time.sleep(0.001)
    assert len(watch.stop().slowed_ns) == 1
    kept = Nvml(FakeNvml(nvmlDeviceGetCurrentClocksEventReasons=0x4))
    watch = StateWatch(knobs(Files(tmp_path), kept), period_s=0.001)
    while len(watch._noted["card_slowed"]) < 5:
        time.sleep(0.001)
    assert watch.stop().slowed_ns == ()


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4)), max_size=60), st.integers(min_value=1, max_value=12))
def test_stretches_cover_all_spans_and_nothing_that_need_not(steps: list[tuple[int, int]], most: int) -> None:
    spans, at = [], 0
    for pause, length in steps:
        spans.append((at + pause, at + pause + length))
        at += pause + length
    found = stretches(spans, most)
    assert len(found) <= most
    assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
    assert all(any(begin <= one[0] and one[1] <= end for begin, end in found) for one in spans)
    gaps = sorted((b[0] - a[1] for a, b in itertools.pairwise(spans) if b[0] > a[1]), reverse=True)
    kept = sorted((b[0] - a[1] for a, b in itertools.pairwise(found)), reverse=True)
    assert kept == [gap for gap in gaps if len(gaps) < most or gap > gaps[most - 1]]


def test_stretches_are_told_in_the_time_of_the_sketch() -> None:
    sketch, report = samples.sketch(), msgspec.structs.replace(REPORT, t0_ns=10**15)
    trial = Trial(index=0, status="complete", started_at="x", seed=1, report=report, sketch=sketch)
    base = report.t0_ns + sketch.window_start_ns[0]
    length = len(sketch.window_start_ns) * sketch.window_ns
    spans = (
        (base - 2_000_000_000, base - 1), (base - 5, base + 500_000_000), (base + length - 10, base + length + 10**9)
    )  # fmt: skip
    slowed = msgspec.structs.replace(trial, state=State(slowed_ns=spans))
    assert slowed_s(slowed) == ((0.0, 0.5), ((length - 10) * 1e-9, length * 1e-9))
    assert slowed_s(trial) == ()
    assert slowed_s(msgspec.structs.replace(slowed, sketch=None)) == ()


def test_a_long_course_is_kept_as_sixty_means() -> None:
    kept = _course([float(value) for value in range(600)])
    assert (kept.least, kept.most, kept.readings) == (0.0, 599.0, 600)
    assert kept.values == tuple(4.5 + 10.0 * part for part in range(60))
    assert _course([3.0, 1.0]).values == (3.0, 1.0)


def codes(**state: object) -> list[tuple[str, str, object]]:
    return [(one.code, one.subject, one.seen) for one in state_findings(State(**state), "certified")]  # type: ignore[arg-type]


def test_what_changed_is_found() -> None:
    assert state_findings(None, "quick") == ()
    assert codes(before={"governor": "a", "load": 1.0}, after={"governor": "a", "load": 9.0}) == []
    assert codes(before={"governor": "a"}, after={"governor": "b"}) == [("state-changed", "governor", "b")]
    assert codes(before={"card_pcie_width": 16.0}, after={"card_pcie_width": 8.0}) == [
        ("state-changed", "card_pcie_width", "8")
    ]
    assert codes(before={"throttled": 3.0}, after={"throttled": 5.0}) == [("throttled", "processor", 2.0)]
    assert codes(before={}, after={"throttled": 5.0}) == []
    slowed = {"card_slowed": Course(least=0.0, mean=0.25, most=1.0, readings=8)}
    assert codes(during=slowed) == [("throttled", "card", 2)]
    assert codes(before={"card_processes": 2.0}) == [("device-shared", "", 2.0)]
    assert codes(before={"power_supply": "Discharging"}) == [("on-battery", "", None)]


def governors(root: Path, count: int) -> list[str]:
    return [(root / POLICY.format(cpu) / "scaling_governor").read_text().strip() for cpu in range(count)]


def test_governors_are_changed_and_put_back(tmp_path: Path) -> None:
    files = Files(plant(governed("powersave", "performance", "schedutil"), tmp_path))
    wanted = changes(files)
    assert summary(wanted) == ("governor: powersave → performance", "governor: schedutil → performance")

    def interrupted() -> None:
        with applied(Truncating(files)) as made:
            assert list(made) == wanted
            assert governors(tmp_path, 3) == ["performance"] * 3
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert governors(tmp_path, 3) == ["powersave", "performance", "schedutil"]


class Truncating(Files):
    """A plain file keeps what is longer than what is written over it; a file of the kernel does not."""

    def __init__(self, files: Files) -> None:
        super().__init__(files.root)

    def text(self, path: str) -> str | None:
        text = super().text(path)
        known = next(
            (word for word in ("performance", "powersave", "schedutil") if (text or "").startswith(word)), None
        )
        if known is not None and text != known:
            (self.root / path).write_text(f"{known}\n")
        return known or text


class Breaking(Truncating):
    """One file that cannot be written to any more, once it was looked at."""

    def __init__(self, files: Files, broken: Path) -> None:
        super().__init__(files)
        self._broken, self._looks = broken, 0

    def text(self, path: str) -> str | None:
        text = super().text(path)
        if self.root / path == self._broken and self._broken.is_file():
            self._looks += 1
            if self._looks == 2:  # before the lock, and behind it
                self._broken.unlink()
                self._broken.mkdir()
        return text


def test_a_driver_without_the_governor_is_left_alone(tmp_path: Path) -> None:
    assert changes(Files(plant(governed("powersave", offered="powersave"), tmp_path))) == []
    assert changes(Files(tmp_path / "nowhere")) == []


def test_what_cannot_be_changed_leaves_all_as_it_was(tmp_path: Path) -> None:
    files = Files(plant(governed("schedutil", "schedutil"), tmp_path))
    second = tmp_path / POLICY.format(1) / "scaling_governor"
    with (
        pytest.raises(CannotTune, match="cannot be set to performance: Is a directory; this takes the rights"),
        applied(Breaking(files, second)),
    ):
        pytest.fail("nothing runs where not all is set")
    assert governors(tmp_path, 1) == ["schedutil"]
