"""`bench profile` and `bench run --profile` from the command line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from .things import run

FLAGS = ("--scenario", "offline", "--format", "json")


def test_a_detected_profile_is_sound_and_can_be_run_with(model: Path, tmp_path: Path) -> None:
    written = run(tmp_path, "profile", "detect", "-o", "mine.toml", "--name", "mine", hurried=False)
    assert written.code == 0, written
    text = (tmp_path / "mine.toml").read_text()
    assert tomllib.loads(text)["name"] == "mine"
    assert run(tmp_path, "profile", "check", "mine.toml").code == 0
    there = json.loads(run(tmp_path, "profile", "check", "mine.toml", "--here", "--format", "json", hurried=False).out)
    assert there["contradictions"] == []
    changed = text.replace('name = "mine"', 'name = "mine"\nnote = "x"') + '\n[serials]\nsystem = "SECRET"\n'
    changed = changed.replace("threads = ", "threads = 10", 1).replace('backend = "onnxruntime"', 'backend = "fake"')
    (tmp_path / "other.toml").write_text(changed)
    outcome = run(tmp_path, "run", "--profile", "other.toml", "--model", model, *FLAGS)
    assert outcome.code == 0, outcome
    kept = json.loads(outcome.out)
    assert kept["run"]["plan"]["backend"] == "fake"
    assert kept["run"]["hardware"]["profile"] == "mine"
    assert "SECRET" not in outcome.out
    found = [entry for entry in kept["records"][0]["findings"] if entry["code"] == "profile-contradicted"]
    assert [entry["subject"] for entry in found] == ["cpu.threads"]
    shown = run(tmp_path, "show", "latest")
    assert "not as the profile says" in shown.out
    assert run(tmp_path, "profile", "check", "other.toml", "--here", hurried=False).code == 11


def test_flags_go_before_the_profile(tmp_path: Path) -> None:
    def planned(*flags: str) -> dict[str, object]:
        outcome = run(tmp_path, "run", "--dry-run", *FLAGS, "--workload", "speech_command", *flags)
        assert outcome.code == 0, outcome
        plan: dict[str, object] = json.loads(outcome.out)
        return plan

    (tmp_path / "a.toml").write_text(
        'name = "a"\nvendor = "v"\nmodel = "m"\nclass = "cpu_server"\n[use]\nbackend = "fake"\ndevices = ["cpu:0"]\n'
        '[use.settings]\nanswers = "zeros"\ndelay_us = 5\n'
    )
    plain = planned("--profile", "a.toml")
    assert (plain["backend"], plain["device"], plain["settings"]) == (
        "fake",
        "cpu:0",
        {"answers": "zeros", "delay_us": 5},
    )
    mixed = planned("--profile", "a.toml", "--device", "cpu", "--setting", "delay_us=7")
    assert (mixed["device"], mixed["settings"]) == ("cpu", {"answers": "zeros", "delay_us": 7})
    other = planned("--profile", "a.toml", "--backend", "onnxruntime")
    assert (other["backend"], other["device"], other["settings"]) == ("onnxruntime", "cpu", {})


def test_profiles_are_listed_shown_and_compared(tmp_path: Path) -> None:
    assert "nvidia-h200" in run(tmp_path, "profile", "list").out
    assert len(json.loads(run(tmp_path, "profile", "list", "--format", "json").out)) >= 10
    assert "accelerators[0].memory_bytes" in run(tmp_path, "profile", "show", "nvidia-t4").out
    differing = run(tmp_path, "profile", "diff", "nvidia-t4", "nvidia-l4")
    assert (differing.code, "accelerators[0].compute_capability: 7.5 → 8.9" in differing.out) == (0, True)
    same = run(tmp_path, "profile", "diff", "nvidia-t4", "nvidia-t4", "--lang", "zh")
    assert same.out.strip() == "nvidia-t4 与 nvidia-t4 内容相同。"


def test_bad_input_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text("name = [")
    (tmp_path / "folder.toml").mkdir()
    for arguments, words in (
        (("show", "nvidia-h20"), "Did you mean 'nvidia-h200'?"),
        (("check", "none.toml"), "There is no file none.toml"),
        (("check", "folder.toml"), "There is no file folder.toml"),
        (("diff", "broken.toml", "nvidia-t4"), "not usable as TOML"),
        (("detect", "-o", "/proc/nothing.toml"), "/proc"),
    ):
        outcome = run(tmp_path, "profile", *arguments, hurried=arguments[0] != "detect")
        assert outcome.code in (2, 11), outcome
        assert words in outcome.err
        assert len(outcome.err.strip().splitlines()) == 1, outcome
