"""`bench ab`: the order of turns, looks, budget and failures with scripted arms; SPECs; once with real processes."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from bench.cli.main import main
from bench.comparing import pairs
from bench.comparing.arms import Arm, BadSpec, Spec, parsed
from bench.comparing.pairs import orders
from bench.records.plan import RunPlan

from .scripted import PLAN, measured, noise


def test_blocks_mirror_each_other_and_their_order_is_drawn() -> None:
    drawn = list(islice(orders(1), 400))
    assert all(second == first[::-1] for first, second in zip(drawn[::2], drawn[1::2], strict=True))
    firsts = [order[0] for order in drawn[::2]]
    assert 60 < firsts.count("a") < 140
    assert firsts != [order[0] for order in list(islice(orders(2), 400))[::2]]


def test_a_clear_difference_ends_at_the_first_look() -> None:
    found, log = measured(noise(100, 0.01, 1), noise(80, 0.01, 2))
    (entry,) = found.comparison.judged
    assert (found.end, entry.verdict, len(log), entry.repetitions) == ("decided", "worse", 10, (5, 5))
    assert found.comparison.alpha == pytest.approx(0.05 / 3)
    assert [turn.side.upper() for turn in found.turns] == log
    assert [turn.pair for turn in found.turns] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_an_unclear_one_goes_to_the_last_look() -> None:
    found, log = measured(noise(100, 0.2, 1), noise(100, 0.2, 2))
    assert (found.end, found.comparison.judged[0].verdict, len(log)) == ("looks-spent", "inconclusive", 40)


def test_only_what_is_undecided_is_measured_on() -> None:
    plans = (PLAN, RunPlan(workloads=("image_classify",), scenarios=("single_stream",)))

    def steady_then_noisy(seed: int) -> Iterator[float | str]:
        # Turns go by measurements: offline, single_stream, offline, … as long as both are open.
        sources = [noise(100, 0.001, seed), noise(100, 0.3, seed + 1)]
        for turn in range(10):
            yield next(sources[turn % 2])
        yield from sources[1]

    found, _ = measured(steady_then_noisy(1), steady_then_noisy(5), plans=plans)
    counts = {
        entry.measurement.split(".")[1]: (entry.verdict, entry.repetitions[0]) for entry in found.comparison.judged
    }
    assert counts == {"offline": ("same", 5), "single_stream": ("inconclusive", 20)}


def test_drift_meets_both_arms_alike() -> None:
    """Half as fast at the end as at the start: without turns that would be a difference of a quarter."""
    levels = iter(np.linspace(100, 50, 40).tolist())
    clock: Iterator[float | str] = (value for value in levels)
    found, _ = measured(clock, clock)
    assert abs(cast(float, found.comparison.judged[0].change)) < 0.01


def test_warm_caches_are_filled_by_turns_that_do_not_count() -> None:
    found, log = measured(noise(100, 0.01, 1), noise(80, 0.01, 2), caches="warm")
    assert (sorted(log[:2]), len(log), len(found.turns)) == (["A", "B"], 12, 10)


@pytest.mark.parametrize(("seconds", "verdict"), [(2.0, "not-judged"), (5.5, "inconclusive")])
def test_budget(monkeypatch: pytest.MonkeyPatch, seconds: float, verdict: str) -> None:
    """A tick of the clock is a pair. Verdicts are those of the last whole look, never of an unplanned one."""
    ticks = iter(range(10_000))
    monkeypatch.setattr(pairs.time, "monotonic", lambda: 0.25 * next(ticks))
    found, log = measured(noise(100, 0.2, 1), noise(100, 0.2, 2), budget_s=seconds)
    (entry,) = found.comparison.judged
    assert (found.end, entry.verdict, entry.reasons) == ("budget-spent", verdict, ("budget-spent",))
    assert len(log) < 40
    assert entry.repetitions in ((0, 0), (5, 5))


@pytest.mark.parametrize("when", [0, 3])
def test_an_arm_that_fails_is_never_passed(when: int) -> None:
    answers = iter([*[100.0] * when, "the engine is gone"])
    found, log = measured(noise(100, 0.01, 1), cast("Iterator[float | str]", answers))
    (entry,) = found.comparison.judged
    assert (found.end, entry.verdict) == ("repetition-failed", "invalid")
    assert [turn.failure for turn in found.turns if turn.failure] == ["the engine is gone"]
    assert log.count("B") == when + 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("threads", "not KEY=VALUE"),
        ("thread=2", "Did you mean 'threads'?"),
        ("threads=2 threads=3", "stands twice"),
        ("model='a", "quotation"),
        ("batch=", "not KEY=VALUE"),
        ("seed=3", "there is no key"),
        ("setting.=3", "there is no key"),
    ],
)
def test_bad_specs(text: str, words: str) -> None:
    with pytest.raises(BadSpec, match=words.replace("?", r"\?")):
        parsed(text)


def test_specs_become_plans() -> None:
    spec = parsed("threads=2 setting.delay_us=50 precision=int8 model='my net.onnx'")
    plan = spec.plan(RunPlan(settings={"delay_us": 10, "kept": True}))
    assert (plan.threads, plan.precision, plan.model, plan.workloads) == (2, "int8", "my net.onnx", ("user_model",))
    assert plan.settings == {"delay_us": "50", "kept": True}
    for bad in ("threads=0", "threads=x", "precision=fp8"):
        with pytest.raises(BadSpec, match="SPEC"):
            parsed(bad).plan(PLAN)


def test_environments_and_revisions_without_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadSpec, match="has no `bench` to run"):
        Arm(Spec(text="venv", venv=tmp_path / "nowhere"), tmp_path / "a", "warm")
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)
    with pytest.raises(BadSpec, match="there is no revision"):
        Arm(Spec(text="rev", revision="HEAD"), tmp_path / "b", "warm")
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    (repository / "bench").mkdir()
    (repository / "bench" / "__init__.py").write_text("")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    arm = Arm(Spec(text="rev", revision="HEAD"), tmp_path / "c", "warm")
    assert arm.facts.package == str(tmp_path / "c" / "source" / "bench")
    assert len(arm.facts.commit or "") == 40
    for hostile in ("--output=x", "HEAD:bench"):
        with pytest.raises(BadSpec, match="there is no revision"):
            Arm(Spec(text="rev", revision=hostile), tmp_path / hostile.replace("/", ""), "warm")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--a", "", "--b", "thread=1"), "no key"),
        (("--a", "", "--b", "", "--workload", "speech_comand"), "speech_command"),
        (("--a", "", "--b", "", "--scenario", "offlin"), "offline"),
        (("--a", "", "--b", "backend=onnxruntim"), "onnxruntime"),
        (("--a", ""), "--b"),
        (("--a", "", "--b", "rev=no/such/revision"), "no/such/revision"),
        (("--a", "", "--b", "venv=/no/such/environment"), "/no/such/environment"),
    ],
)
def test_bad_input_costs_no_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet_signals: None, arguments: tuple[str, ...], words: str
) -> None:
    assert main(["ab", *arguments, "-o", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n"), words in said.err) == ("", 1, True), said.err
    assert not list(tmp_path.glob("ab/*"))


@pytest.mark.full
@pytest.mark.alone
def test_a_slowdown_of_a_fifth_is_found_with_real_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], quiet_signals: None
) -> None:
    common = ("--backend", "fake", "--workload", "speech_command", "--scenario", "single_stream", "--format", "json")
    code = main(["ab", "--a", "setting.delay_us=4000", "--b", "setting.delay_us=4800", *common, "-o", str(tmp_path)])
    (entry,) = json.loads(capsys.readouterr().out)["judged"]
    assert (code, entry["verdict"]) == (10, "worse")
    assert entry["change"] == pytest.approx(0.2, abs=0.1)
    (file,) = tmp_path.glob("ab/*/pairs.json")
    kept = json.loads(file.read_text())
    assert all((file.parent / turn["side"] / "results" / "runs" / turn["run"]).is_dir() for turn in kept["turns"])
