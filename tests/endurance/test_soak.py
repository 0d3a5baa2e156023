"""A soak's verdict by hand, and one from the command line."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.cli.soak_command import _tell
from bench.hardware.files import Files
from bench.judging.state import state_findings
from bench.power.choice import Sources, open_sources
from bench.records.endurance import Soak
from bench.records.energy import Energy
from bench.records.findings import finding
from bench.records.numbers import Measured, Sketch
from bench.records.plan import RunPlan, Setting
from bench.records.record import Trial
from bench.records.state import State
from bench.soaking import judged, soak

from ..cli.conftest import model  # noqa: F401 - a fixture
from ..cli.things import run
from ..fixtures import MEASUREMENT

MIB = 1 << 20
BEGUN = Soak(measurement=MEASUREMENT, seconds=300.0)


def trial(completed: np.ndarray, latency: np.ndarray | None = None, failed: float = 0.0) -> Trial:
    """One with these windows of a second each."""
    count = completed.size
    mean = np.full(count, 1e6) if latency is None else latency
    sketch = Sketch(
        quantity="latency_ns",
        count=int(completed.sum()),
        failed=0,
        probabilities=(),
        values=(),
        window_ns=1_000_000_000,
        window_start_ns=tuple(range(count)),
        window_min_ns=tuple(map(int, mean)),
        window_mean_ns=tuple(map(float, mean)),
        window_max_ns=tuple(map(int, mean)),
        window_completed=tuple(map(int, completed)),
    )
    return Trial(
        index=0,
        status="complete",
        started_at="",
        seed=0,
        sketch=sketch,
        metrics={"failed_share": Measured(value=failed)},
    )


def noise(seed: int = 0, count: int = 300) -> np.ndarray:
    return np.random.default_rng(seed).normal(1000.0, 20.0, count)


STEADY_MEMORY = [500 * MIB] * 300


def test_a_steady_machine_is_sound() -> None:
    found = judged(BEGUN, trial(noise()), STEADY_MEMORY)
    assert found.sound
    assert found.samples_per_s is not None
    assert found.samples_per_s.first == pytest.approx(1000.0, rel=0.02)
    assert not found.samples_per_s.drifts
    assert (found.window_s, len(found.window_samples), len(found.memory_course_bytes)) == (1.0, 300, 300)


def test_a_machine_that_slows_down_is_not() -> None:
    found = judged(BEGUN, trial(noise() * np.linspace(1.0, 0.9, 300)), STEADY_MEMORY)
    assert found.samples_per_s is not None
    assert found.samples_per_s.drifts
    assert found.samples_per_s.change == pytest.approx(-0.09, abs=0.02)
    assert not found.sound
    little = judged(BEGUN, trial(noise() * np.linspace(1.0, 0.99, 300)), STEADY_MEMORY)
    assert little.sound, "one percent is not worth a verdict"


def test_memory_that_grows_is_a_leak_and_caches_that_fill_are_none() -> None:
    leaking = judged(BEGUN, trial(noise()), [(500 + second) * MIB for second in range(300)])
    assert leaking.memory_bytes is not None
    assert leaking.memory_bytes.drifts
    assert not leaking.sound
    filling = [min(500 + 10 * second, 900) * MIB for second in range(300)]
    assert judged(BEGUN, trial(noise()), filling).sound
    assert judged(BEGUN, trial(noise()), filling[::-1]).sound, "memory that is given back is none"


@pytest.mark.parametrize(
    "change",
    [
        {"findings": (finding("queries-failed", "standard", 1, 0),)},
        {"metrics": {"failed_share": Measured(value=0.001)}},
    ],
)
def test_what_fails_is_not_sound(change: dict[str, object]) -> None:
    assert not judged(BEGUN, msgspec.structs.replace(trial(noise()), **change), STEADY_MEMORY).sound


def test_throttling_is_not_sound() -> None:
    hot = State(before={"throttled": 1.0}, after={"throttled": 2.0})
    slow = msgspec.structs.replace(trial(noise()), state=hot, findings=state_findings(hot, "quick"))
    found = judged(BEGUN, slow, STEADY_MEMORY)
    assert [(one.code, one.severity) for one in found.findings] == [("throttled", "warning")], "told once"
    assert not found.sound


class Meter(threading.Thread):
    """A processor's own counter that rises by `watts`, from ten joules before it wraps."""

    def __init__(self, root: Path, watts: float) -> None:
        super().__init__(daemon=True)
        zone = root / "sys/class/powercap/intel-rapl:0"
        zone.mkdir(parents=True)
        (zone / "name").write_text("package-0\n")
        (zone / "max_energy_range_uj").write_text(f"{WRAPS_UJ}\n")
        self._file, self._watts, self.over, self._begun = zone / "energy_uj", watts, threading.Event(), time.monotonic()
        self._show()

    def run(self) -> None:
        while not self.over.wait(0.005):
            self._show()

    def _show(self) -> None:
        joules = (time.monotonic() - self._begun) * self._watts
        whole = self._file.with_suffix(".new")
        whole.write_text(f"{round(WRAPS_UJ - 10e6 + joules * 1e6) % WRAPS_UJ}\n")
        whole.replace(self._file)


WRAPS_UJ = 1_000_000_000


def test_energy_of_a_soak_is_that_of_its_loaded_time(
    model: Path,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter = Meter(tmp_path, watts=50.0)
    meter.start()
    asked = []

    def here(power: tuple[str, ...]) -> Sources:
        asked.append(power)
        return open_sources(("rapl",), Files(tmp_path))

    monkeypatch.setattr("bench.soaking.sources_here", here)
    monkeypatch.setattr("bench.soaking.IDLE_S", 0.3)
    settings: dict[str, Setting] = {"per_sample_us": 1000.0}
    plan = RunPlan(
        workloads=("user_model",),
        scenarios=("offline",),
        backend="fake",
        model=str(model),
        settings=settings,
    )
    found = soak(plan, 2.0)
    meter.over.set()
    assert asked == [("auto",)]
    assert found.energy is not None
    (one,) = found.energy.sources
    assert one.joules is not None
    assert one.error_j is not None
    assert one.joules == pytest.approx(50.0 * found.seconds, abs=2 * one.error_j)
    assert one.error_j < 0.5 * one.joules
    per_sample = found.energy_per_sample_j["device_energy_per_sample_j"].value
    assert per_sample == pytest.approx(one.joules / found.energy.samples)
    assert found.energy.samples == sum(found.window_samples)
    assert one.idle_before_w == pytest.approx(50.0, rel=0.5)


def test_a_machine_without_a_meter_says_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Energy(window_s=300.0, samples=10, unread={"rapl": "/sys/class/powercap has no zone of RAPL"})
    _tell(msgspec.structs.replace(judged(BEGUN, trial(noise()), STEADY_MEMORY), energy=nothing), "en")
    told = capsys.readouterr().out
    assert "Energy, All sources: not measured" in told
    assert "has no zone of RAPL" in told
    assert " J" not in told


def test_too_short_for_a_course() -> None:
    found = judged(BEGUN, trial(noise(count=5)), [])
    assert found.samples_per_s is found.memory_bytes is None


def test_from_the_command_line(model: Path, tmp_path: Path) -> None:  # noqa: F811
    flags = ("soak", "--minutes", "0.02", "--backend", "fake", "--model", model)
    outcome = run(tmp_path, *flags, "--format", "json")
    assert outcome.code in (0, 11), outcome
    found = json.loads(outcome.out)
    # Its length is planned from the pace of the warm-up: a machine that becomes faster ends sooner, and that is told.
    assert found["seconds"] >= 0.95 * 1.2 or "too-short" in {one["code"] for one in found["findings"]}
    assert sum(found["window_samples"]) > 0
    assert list(tmp_path.glob("results*")) == []
    broken = run(tmp_path, *flags, "--setting", "fail=segfault@3")
    assert broken.code in (2, 11)
    assert len((broken.out + broken.err).strip().splitlines()) <= 2
    for arguments, words in (
        (("--minutes", "0"), "--minutes"),
        (("--scenario", "server"), "`--rate` goes with"),
        (("--workload", "speech_comand"), "Did you mean 'speech_command'?"),
    ):
        refused = run(tmp_path, "soak", *arguments)
        assert (refused.code, words in refused.err) == (2, True), refused
