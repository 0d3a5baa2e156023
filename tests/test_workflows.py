"""The workflows, and the script that they run: `.ci/gpu-regression` with a `bench` and a GPU that are scripted."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SCRIPT = ROOT / ".ci" / "gpu-regression"

# Answers of one call after the other stand in files; the last one stays.
_ANSWER = """
answer() {{
    count=$(cat {folder}/$1.count 2>/dev/null || echo 0); echo $((count + 1)) > {folder}/$1.count
    lines=$(wc -l < {folder}/$1); line=$((count < lines ? count + 1 : lines))
    sed -n "${{line}}p" {folder}/$1
}}
"""
_BENCH = '#!/bin/sh\n{answer}\necho "$@" >> {folder}/calls\n{leaving}\nexit $(answer codes)\n'
_SMI = """#!/bin/sh
{answer}
case "$1" in
    *compute-apps*) answer users ;;
    *clocks*) answer clocks ;;
    *memory.used*) answer memory ;;
esac
"""


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_permissions_least(workflow: Path) -> None:
    text = workflow.read_text()
    used = re.findall(r"uses: (\S+)(.*)", text)
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) and "# v" in note for action, note in used)
    assert re.findall(r"^permissions:\n((?:  .*\n)+)", text, re.MULTILINE) == ["  contents: read\n"]
    assert "pull_request_target" not in text
    assert text.count("persist-credentials: false") == len([action for action, _ in used if "/checkout@" in action])
    # What a name of a branch holds must not become a command.
    assert not [line for line in re.findall(r"run: (.*)", text) if "${{ github" in line]


def test_what_forks_bring_never_reaches_our_runner() -> None:
    text = (ROOT / ".github" / "workflows" / "gpu-regression.yml").read_text()
    jobs = re.split(r"\n  (?=\w+:\n)", text.split("\njobs:\n")[1])
    for job in jobs:
        condition = re.search(r"    if: (.*)", job)
        assert "self-hosted" in job
        assert condition is not None
        assert "head.repo.full_name == github.repository" in condition[1] or "== 'schedule'" in condition[1]
    assert "cancel-in-progress: false" in text


def regression(
    folder: Path, codes: list[int], device: str = "cuda", leaving: str = "", **scripted: list[str]
) -> tuple[int, list[str], str]:
    """Exit code, the calls of `bench`, and what was said; `scripted` are answers of nvidia-smi, one per call."""
    answers = {
        "users": [""],
        "clocks": ["0, 1400"],
        "memory": ["10"],
        **scripted,
        "codes": [str(code) for code in codes],
    }
    for name, lines in answers.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    answer = _ANSWER.format(folder=folder)
    for name, text in (("bench", _BENCH), ("nvidia-smi", _SMI)):
        (folder / name).write_text(text.format(answer=answer, folder=folder, leaving=leaving))
        (folder / name).chmod(0o755)
    ours = {"BENCH": str(folder / "bench"), "OUTPUT": str(folder / "out"), "DEVICE": device, "BASE": "before"}
    around = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", **ours}
    found = subprocess.run([SCRIPT], env=around, capture_output=True, text=True, check=False, timeout=60)
    calls = (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
    return found.returncode, calls, found.stderr


@pytest.mark.parametrize(
    ("codes", "code", "calls"),
    [([0], 0, 1), ([10], 10, 1), ([11], 11, 1), ([12, 0], 0, 2), ([12, 12], 12, 2), ([12, 10], 10, 2), ([2], 2, 1)],
)
def test_inconclusive_twice_fails(tmp_path: Path, codes: list[int], code: int, calls: int) -> None:
    found, made, said = regression(tmp_path, codes)
    assert (found, len(made)) == (code, calls), said
    assert all("--a rev=before --b rev=HEAD" in call and "--strict" in call and "--budget-s" in call for call in made)


def test_a_gpu_in_use_is_not_measured(tmp_path: Path) -> None:
    found, made, said = regression(tmp_path, [0], users=["4711, python"])
    assert (found, made, "4711" in said) == (14, [], True)


@pytest.mark.parametrize(
    "scripted", [{"users": ["", "4711, python"]}, {"clocks": ["0, 1400", "0, 900"]}, {"memory": ["10", "900"]}]
)
def test_a_machine_that_is_not_left_as_it_was_fails(tmp_path: Path, scripted: dict[str, list[str]]) -> None:
    found, _, said = regression(tmp_path, [0], **scripted)
    assert (found, "not as it was" in said) == (15, True)


def test_a_process_that_is_left_fails(tmp_path: Path) -> None:
    found, _, said = regression(tmp_path, [0], leaving="sleep 20 >/dev/null 2>&1 &")
    assert (found, "Processes are left" in said) == (15, True)


def test_without_a_gpu_the_processor_can_be_measured(tmp_path: Path) -> None:
    found, made, _ = regression(tmp_path, [0], device="cpu", users=["4711, python"])
    assert (found, len(made)) == (0, 1)
