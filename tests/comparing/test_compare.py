"""`bench compare` on runs made by hand: verdicts, guards, what is missing or broken, and every form of output."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from bench.cli.main import main
from bench.records.plan import RunPlan
from bench.records.preparation import Preparation
from bench.store.runs import RunFolder
from tests.report import samples

from .runs import kept_run

STEADY = [100.0, 101.0, 99.5, 100.4, 99.8]
SLOWER = [92.0, 92.9, 91.5, 92.4, 91.8]
NOISY = [100.0, 130.0, 80.0, 115.0, 90.0]
Compare = Callable[..., tuple[int, str, str]]


@pytest.fixture
def compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, quiet_signals: None
) -> Compare:
    monkeypatch.setenv("COLUMNS", "140")

    def command(*arguments: object, verb: str = "compare") -> tuple[int, str, str]:
        capsys.readouterr()
        code = main([*verb.split(), *(str(argument) for argument in arguments), "-o", str(tmp_path)])
        return code, *capsys.readouterr()

    return command


def judged(out: str) -> list[dict[str, object]]:
    found = json.loads(out)["judged"]
    assert isinstance(found, list)
    return found


@pytest.mark.parametrize(
    ("second", "verdict", "code"),
    [(SLOWER, "worse", 10), (STEADY, "same", 0), ([value * 1.1 for value in STEADY], "better", 0), (NOISY, None, 0)],
)
def test_verdicts(tmp_path: Path, compare: Compare, second: list[float], verdict: str | None, code: int) -> None:
    a, b = (kept_run(tmp_path / name, {"offline": values}) for name, values in (("a", STEADY), ("b", second)))
    found, out, _ = compare(a, b, "--format", "json")
    (entry,) = judged(out)
    assert (found, entry["verdict"]) == (code, verdict or "inconclusive")
    interval = stats.ttest_ind(np.log(second), np.log(STEADY), equal_var=False).confidence_interval(0.95)
    if verdict != "same":  # scipy's difference of equal samples has an interval, too, around 0
        assert [entry["low"], entry["high"]] == pytest.approx(np.expm1(interval).tolist())


def test_lower_latency_is_better(tmp_path: Path, compare: Compare) -> None:
    a = kept_run(tmp_path / "a", {"single_stream": [1e6 * value for value in STEADY]})
    b = kept_run(tmp_path / "b", {"single_stream": [1e6 * value for value in SLOWER]})
    assert (compare(a, b)[0], compare(b, a)[0]) == (0, 10)


def test_inconclusive_says_how_many_repetitions_would_decide(tmp_path: Path, compare: Compare) -> None:
    a, b = (kept_run(tmp_path / name, {"offline": values}) for name, values in (("a", STEADY), ("b", NOISY)))
    code, out, _ = compare(a, b, "--format", "json", "--strict")
    (entry,) = judged(out)
    assert code == 12
    assert isinstance(entry["deciding"], int)
    assert entry["deciding"] > 100
    assert f"about {entry['deciding']:,} repetitions" in compare(a, b, "--format", "markdown")[1]


def test_holm_over_the_report(tmp_path: Path, compare: Compare) -> None:
    """A verdict that stands alone at 5 % does not among twelve metrics of which the others show nothing."""
    rng = np.random.default_rng(2)
    names = ["samples_per_s", "queries_per_s", "scheduled_per_s", "goodput_peak_per_s", "knee_per_s", "rate_held_per_s"]
    arms = {side: {name: (100 * np.exp(rng.normal(0, 0.03, 5))).tolist() for name in names} for side in "ab"}
    arms["a"]["samples_per_s"], arms["b"]["samples_per_s"] = [100, 103, 97, 102, 98], [94, 96, 90, 95, 92]
    a, b = (kept_run(tmp_path / side, {"offline": arms[side]}) for side in "ab")
    alone = judged(compare(a, b, "--format", "json")[1])
    assert [entry["verdict"] for entry in alone] == ["worse"]
    (tmp_path / "m.toml").write_text("[metric]\n" + "".join(f"{name} = 0.02\n" for name in names))
    entries = judged(compare(a, b, "--format", "json", "--margins", tmp_path / "m.toml")[1])
    first = next(entry for entry in entries if entry["metric"] == "samples_per_s")
    assert (first["probability"], first["verdict"]) == (alone[0]["probability"], "inconclusive")
    assert first["adjusted"] == pytest.approx(6 * alone[0]["probability"])  # type: ignore[operator]


def test_margins_by_benchmark(tmp_path: Path, compare: Compare) -> None:
    a, b = (kept_run(tmp_path / name, {"offline": values}) for name, values in (("a", STEADY), ("b", SLOWER)))
    (tmp_path / "m.toml").write_text('[metric]\n"image_classify.offline.samples_per_s" = 0.15\n')
    code, out, _ = compare(a, b, "--margins", tmp_path / "m.toml", "--format", "json")
    assert (code, judged(out)[0]["verdict"], judged(out)[0]["margin"]) == (0, "same", 0.15)


def test_shares_are_held_against_each_other_by_their_difference(tmp_path: Path, compare: Compare) -> None:
    """A share may be zero, where ratios end."""
    (tmp_path / "m.toml").write_text("[metric]\nfailed_share = 0.001\n")
    a = kept_run(tmp_path / "a", {"offline": {"samples_per_s": STEADY, "failed_share": [0.0] * 5}})
    b = kept_run(
        tmp_path / "b", {"offline": {"samples_per_s": STEADY, "failed_share": [0.01, 0.012, 0.01, 0.011, 0.01]}}
    )
    code, out, _ = compare(a, b, "--margins", tmp_path / "m.toml", "--format", "json")
    share = next(entry for entry in judged(out) if entry["metric"] == "failed_share")
    assert (code, share["verdict"], share["scale"]) == (10, "worse", "points")
    assert share["change"] == pytest.approx(0.0106)


def test_one_repetition_is_not_judged_and_never_passes(tmp_path: Path, compare: Compare) -> None:
    a, b = (kept_run(tmp_path / name, {"offline": values}) for name, values in (("a", STEADY), ("b", [50.0])))
    code, out, _ = compare(a, b, "--format", "json")
    assert (code, judged(out)[0]["verdict"], judged(out)[0]["reasons"]) == (12, "not-judged", ["one-repetition"])


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"status": "partial"}, "record-partial"),
        ({"findings": (samples.finding("overloaded", "standard"),)}, "record-invalid"),
        ({"quality": samples.quality(passed=False)}, "quality-lost"),
        ({"quality": None}, "quality-lost"),
    ],
)
def test_what_is_void_is_never_passed(tmp_path: Path, compare: Compare, more: dict[str, object], reason: str) -> None:
    a, b = kept_run(tmp_path / "a", {"offline": STEADY}), kept_run(tmp_path / "b", {"offline": STEADY}, more=more)
    code, out, _ = compare(a, b, "--format", "json")
    assert (code, judged(out)[0]["verdict"], judged(out)[0]["reasons"]) == (11, "invalid", [reason])


def test_vanished_and_new(tmp_path: Path, compare: Compare) -> None:
    both = kept_run(tmp_path / "a", {"offline": STEADY, "single_stream": STEADY})
    one = kept_run(tmp_path / "b", {"single_stream": STEADY, "multi_stream": STEADY})
    code, out, _ = compare(both, one, "--format", "json")
    verdicts = {(entry["measurement"], entry["verdict"], entry["reasons"][0]) for entry in judged(out)}  # type: ignore[index]
    assert code == 11
    assert verdicts == {
        ("image_classify.single_stream.fp32", "same", "within-margin"),
        ("image_classify.offline.fp32", "invalid", "vanished"),
        ("image_classify.multi_stream.fp32", "not-judged", "new"),
    }


def test_vanished_metric(tmp_path: Path, compare: Compare) -> None:
    (tmp_path / "m.toml").write_text("[metric]\nqueries_per_s = 0.02\n")
    a = kept_run(tmp_path / "a", {"offline": {"samples_per_s": STEADY, "queries_per_s": STEADY}})
    b = kept_run(tmp_path / "b", {"offline": {"samples_per_s": STEADY, "queries_per_s": STEADY[:2]}})
    code, out, _ = compare(a, b, "--margins", tmp_path / "m.toml", "--format", "json")
    gone = next(entry for entry in judged(out) if entry["metric"] == "queries_per_s")
    assert (code, gone["verdict"], gone["reasons"]) == (11, "invalid", ["vanished"])


def test_what_was_imported_is_never_compared_with_ours(tmp_path: Path, compare: Compare) -> None:
    a = kept_run(tmp_path / "a", {"offline": STEADY}) / "image_classify.offline.fp32"
    b = kept_run(tmp_path / "b", {"offline": STEADY}, more={"origin": "mlperf-import"}) / "image_classify.offline.fp32"
    code, out, err = compare(a, b, "--allow", "origin")
    assert (code, out) == (2, "")
    assert "never compared with what was measured here" in err


@pytest.mark.parametrize(
    ("more", "field", "values"),
    [
        ({"mode": "certified"}, "mode", ("standard", "certified")),
        ({"timed_region": "end_to_end"}, None, None),
        ({"model_hash": "sha256:ff"}, "model", ("sha256:aa11", "sha256:ff")),
        ({"suite_version": "0.0.9"}, "suite_version", ("0.1.0", "0.0.9")),
        ({"origin": "synthetic"}, "origin", ("measured", "synthetic")),
    ],
)
def test_unlike_records_are_refused_by_name(
    tmp_path: Path, compare: Compare, more: dict[str, object], field: str | None, values: tuple[str, str] | None
) -> None:
    if field is None:  # what was measured stands in the measurement
        measurement = samples.replace(samples.record("offline").measurement, **more)
        more, field, values = {"measurement": measurement}, "timed_region", ("host_to_host", "end_to_end")
    a = kept_run(tmp_path / "a", {"offline": STEADY}) / "image_classify.offline.fp32"
    b = kept_run(tmp_path / "b", {"offline": STEADY}, more=more) / "image_classify.offline.fp32"
    code, out, err = compare(a, b)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert values is not None
    assert all(word in err for word in (f"`{field}`", *values, f"--allow {field}"))
    code, out, _ = compare(a, b, "--allow", field, "--format", "json")
    trace = json.loads(out)["allowed"]
    assert (code, [(entry["field"], entry["first"], entry["second"]) for entry in trace]) == (0, [(field, *values)])
    assert field in compare(a, b, "--allow", field)[1]


def test_one_model_at_two_shapes(tmp_path: Path, compare: Compare) -> None:
    runs = []
    for side in (320, 640):
        folder = RunFolder(kept_run(tmp_path / str(side), {"offline": STEADY}))
        run = folder.load_run()
        how = Preparation(shapes={"x": (3, side, side)})
        folder.keep_run(samples.replace(run, plan=RunPlan(model="m.onnx", preparation=how)))
        runs.append(folder.path)
    code, out, err = compare(*runs)
    assert (code, out) == (2, "")
    assert "`shapes` is x=3x320x320 in" in err
    assert compare(*runs, "--allow", "shapes")[0] == 0
    assert compare(runs[0], runs[0])[0] == 0


def test_other_machine(tmp_path: Path, compare: Compare) -> None:
    a, b = (kept_run(tmp_path / cpu, {"offline": STEADY}, cpu=cpu) for cpu in ("Xeon", "EPYC"))
    code, _, err = compare(a, b)
    assert code == 2
    assert all(word in err for word in ("`cpu`", "Xeon", "EPYC"))


def test_engine_is_under_test(tmp_path: Path, compare: Compare) -> None:
    facts = samples.record().facts
    assert facts is not None
    newer = {"facts": samples.replace(facts, engine_version="9.9"), "session_hash": "sha256:other"}
    a, b = kept_run(tmp_path / "a", {"offline": STEADY}), kept_run(tmp_path / "b", {"offline": STEADY}, more=newer)
    code, out, _ = compare(a, b, "--format", "json")
    (changed,) = json.loads(out)["changed"]
    assert (code, changed["field"], changed["first"], changed["second"]) == (0, "engine_version", "1.32.0", "9.9")


@pytest.mark.parametrize(
    ("break_", "words"),
    [
        (lambda run: (run / "image_classify.offline.fp32/record.json").write_text("{broken"), "not usable as JSON"),
        (lambda run: (run / "image_classify.offline.fp32/trial-02/trial.json").unlink(), "cannot be read"),
        (lambda run: (run / "image_classify.offline.fp32/record.json").unlink(), "no record yet"),
        (lambda run: (run / "run.json").write_text('{"schema": 1, "schema": 1}'), "stands twice"),
    ],
)
def test_broken_records(tmp_path: Path, compare: Compare, break_: Callable[[Path], object], words: str) -> None:
    a, b = kept_run(tmp_path / "a", {"offline": STEADY}), kept_run(tmp_path / "b", {"offline": STEADY})
    break_(b)
    code, out, err = compare(a, b)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize(
    ("toml", "words"),
    [
        ("default = -1", "must lie between 0 and 1"),
        ("defualt = 0.1", "Did you mean `default`?"),
        ("[metric]\nsamples_per_sec = 0.1", "samples_per_s"),
        ("[metric\n", "not usable as TOML"),
        ("default = nan", "finite"),
    ],
)
def test_bad_margins(tmp_path: Path, compare: Compare, toml: str, words: str) -> None:
    run = kept_run(tmp_path / "a", {"offline": STEADY})
    (tmp_path / "m.toml").write_text(toml)
    code, _, err = compare(run, run, "--margins", tmp_path / "m.toml")
    assert (code, err.count("\n")) == (2, 1)
    assert words in err


def test_bad_names(tmp_path: Path, compare: Compare) -> None:
    run = kept_run(tmp_path / "a", {"offline": STEADY})
    assert compare(run, "nowhere")[0] == 2
    code, _, err = compare(run, run, "--allow", "mod")
    assert code == 2
    assert "Did you mean" in err
    other = kept_run(tmp_path / "b", {"single_stream": STEADY})
    code, _, err = compare(run, other)  # two single records are held against each other by their fields
    assert code == 2
    assert "`scenario` is offline" in err


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_forms(tmp_path: Path, compare: Compare, lang: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each form has every metric, and the bad one as what its reader takes for bad."""
    hostile = {"settings": {"x": samples.HOSTILE, "pipe": "a|b\n::error::"}}
    a = kept_run(tmp_path / "a", {"offline": STEADY, "single_stream": STEADY, "multi_stream": STEADY})
    b = kept_run(tmp_path / "b", {"offline": SLOWER, "single_stream": STEADY, "multi_stream": NOISY}, more=hostile)
    summary = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    arguments = (a, b, "--lang", lang, "--junit", tmp_path / "junit.xml", "--format")
    assert {compare(*arguments, form)[0] for form in ("table", "markdown", "json", "junit", "github")} == {10}
    suite = ElementTree.fromstring((tmp_path / "junit.xml").read_bytes())
    assert {key: suite.get(key) for key in ("tests", "failures", "errors", "skipped")} == {
        "tests": "3", "failures": "1", "errors": "0", "skipped": "1"}  # fmt: skip
    failed = [case.get("name") for case in suite if case.find("failure") is not None]
    assert failed == ["samples_per_s"]
    commands = [line for line in compare(*arguments, "github")[1].splitlines() if line.startswith("::")]
    assert [line.split(" ")[0] for line in commands] == ["::error", "::warning"]
    text = summary.read_text()
    rows = [line for line in text.splitlines() if re.match(r"\| \w+\.\w+\.", line)]
    assert len(rows) == 2 * 3
    assert all(line.replace("\\|", "").count("|") == 9 for line in rows)
    assert "<script>" not in text
    assert "\x1b" not in compare(*arguments, "table")[1]


def test_baselines(tmp_path: Path, compare: Compare) -> None:
    first = kept_run(tmp_path, {"offline": STEADY}, "20260101T000000Z-0001")
    code, _, err = compare(first, verb="baseline check")
    assert code == 2
    assert "There is no baseline of image_classify.offline.fp32" in err
    assert compare(first, "--note", "first", verb="baseline update")[0] == 0
    assert compare(first, verb="baseline check")[0] == 0
    slow = kept_run(tmp_path, {"offline": SLOWER}, "20260102T000000Z-0002")
    assert compare(slow, verb="baseline check")[0] == 10
    code, out, _ = compare(slow, verb="baseline update")
    assert "it was 100 /s" in out
    assert compare(slow, verb="baseline check")[0] == 0
    (history,) = (tmp_path / "baselines").glob("*/history.jsonl")
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    assert [(line["run"], line["before_run"], line["note"]) for line in lines] == [
        ("20260101T000000Z-0001", None, "first"),
        ("20260102T000000Z-0002", "20260101T000000Z-0001", ""),
    ]
    profile = history.parent.name
    other = kept_run(tmp_path, {"offline": STEADY}, "20260103T000000Z-0003", cpu="Xeon")
    assert compare(other, verb="baseline check")[0] == 2  # its own folder, in which nothing is
    code, _, err = compare(other, "--profile", profile, verb="baseline check")
    assert code == 2
    assert all(word in err for word in ("`cpu`", "AMD EPYC", "Xeon"))


@pytest.mark.parametrize(
    ("values", "more", "words"),
    [
        ([100.0], {}, "1 repetition"),
        (STEADY, {"status": "partial"}, "partial"),
        (STEADY, {"findings": (samples.finding("overloaded", "standard"),)}, "overloaded"),
    ],
)
def test_what_is_not_sound_becomes_no_baseline(
    tmp_path: Path, compare: Compare, values: list[float], more: dict[str, object], words: str
) -> None:
    run = kept_run(tmp_path, {"offline": values}, more=more)
    code, _, err = compare(run, verb="baseline update")
    assert (code, words in err) == (2, True)
    assert not list((tmp_path / "baselines").rglob("record.json"))
    assert compare(run, "--profile", "../x", verb="baseline update")[0] == 2


def test_history_finds_the_change_and_names_its_run(tmp_path: Path, compare: Compare) -> None:
    rng = np.random.default_rng(5)
    for day in range(30):
        level = 100.0 if day < 20 else 90.0
        values = (level * np.exp(rng.normal(0, 0.01, 3))).tolist()
        kept_run(tmp_path, {"offline": values}, f"202601{day + 1:02d}T000000Z-{day:04d}")
    code, out, _ = compare("--plot", tmp_path / "course.png", verb="history")
    assert code == 0
    assert out.count("from 2026") == 1
    assert "from 20260121T000000Z-0020 on: -9." in out or "from 20260121T000000Z-0020 on: -10." in out
    assert "worse" in out
    assert (tmp_path / "course.png").read_bytes().startswith(b"\x89PNG")
    assert compare("nothing.of.it", verb="history")[0] == 2
    (tmp_path / "runs" / "20260115T000000Z-0014" / "run.json").write_text("{")
    code, _, err = compare(verb="history")
    assert (code, "not usable as JSON" in err) == (11, True)
