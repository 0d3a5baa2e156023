"""A soak's verdict by hand, and one from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.records.endurance import Soak
from bench.records.findings import finding
from bench.records.numbers import Measured, Sketch
from bench.records.record import Trial
from bench.records.state import State
from bench.soaking import judged

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
    found = judged(BEGUN, trial(noise()), STEADY_MEMORY, State())
    assert found.sound
    assert found.samples_per_s is not None
    assert found.samples_per_s.first == pytest.approx(1000.0, rel=0.02)
    assert not found.samples_per_s.drifts
    assert (found.window_s, len(found.window_samples), len(found.memory_course_bytes)) == (1.0, 300, 300)


def test_a_machine_that_slows_down_is_not() -> None:
    found = judged(BEGUN, trial(noise() * np.linspace(1.0, 0.9, 300)), STEADY_MEMORY, State())
    assert found.samples_per_s is not None
    assert found.samples_per_s.drifts
    assert found.samples_per_s.change == pytest.approx(-0.09, abs=0.02)
    assert not found.sound
    little = judged(BEGUN, trial(noise() * np.linspace(1.0, 0.99, 300)), STEADY_MEMORY, State())
    assert little.sound, "one percent is not worth a verdict"


def test_memory_that_grows_is_a_leak_and_caches_that_fill_are_none() -> None:
    leaking = judged(BEGUN, trial(noise()), [(500 + second) * MIB for second in range(300)], State())
    assert leaking.memory_bytes is not None
    assert leaking.memory_bytes.drifts
    assert not leaking.sound
    filling = [min(500 + 10 * second, 900) * MIB for second in range(300)]
    assert judged(BEGUN, trial(noise()), filling, State()).sound
    assert judged(BEGUN, trial(noise()), filling[::-1], State()).sound, "memory that is given back is none"


@pytest.mark.parametrize(
    "change",
    [
        {"findings": (finding("queries-failed", "standard", 1, 0),)},
        {"metrics": {"failed_share": Measured(value=0.001)}},
    ],
)
def test_what_fails_is_not_sound(change: dict[str, object]) -> None:
    assert not judged(BEGUN, msgspec.structs.replace(trial(noise()), **change), STEADY_MEMORY, State()).sound


def test_throttling_is_not_sound() -> None:
    hot = State(before={"throttled": 1.0}, after={"throttled": 2.0})
    found = judged(BEGUN, trial(noise()), STEADY_MEMORY, hot)
    assert [one.code for one in found.findings] == ["throttled"]
    assert not found.sound


def test_too_short_for_a_course() -> None:
    found = judged(BEGUN, trial(noise(count=5)), [], State())
    assert found.samples_per_s is found.memory_bytes is None


def test_from_the_command_line(model: Path, tmp_path: Path) -> None:  # noqa: F811
    flags = ("soak", "--minutes", "0.02", "--backend", "fake", "--model", model)
    outcome = run(tmp_path, *flags, "--format", "json")
    assert outcome.code in (0, 11), outcome
    found = json.loads(outcome.out)
    assert found["seconds"] >= 1.0
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
