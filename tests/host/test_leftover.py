"""`bench host tune --apply` killed at every step: what is left changed is put back by the next start."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.hardware.files import Files
from bench.host.leftover import CannotTune, Restored, TunedNow, held, leftover, restore, undo_leftover
from bench.host.tune import applied, changes

from ..hardware.machines import plant

CPUS = "sys/devices/system/cpu"
NOTE = "run/inference-bench/tuned.json"
BOOT = "proc/sys/kernel/random/boot_id"


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Three governors. A plain file keeps what is longer than what is written over it, so the words are as long."""
    tree = {BOOT: "one-boot\n"}
    for cpu in range(3):
        tree[f"{CPUS}/cpu{cpu}/cpufreq/scaling_governor"] = "conservative"
        tree[f"{CPUS}/cpu{cpu}/cpufreq/scaling_available_governors"] = "conservative performance"
    return Files(plant(tree, tmp_path))


def governors(files: Files) -> list[str | None]:
    return [files.text(f"{CPUS}/cpu{cpu}/cpufreq/scaling_governor") for cpu in range(3)]


# Forks a process for each step, which kills itself (SIGKILL) before that step: every opening, renaming and removing of
# a file below the tree is one; and says what each found. Ends where the process came to its end.
KILLER = """
import os, signal, sys
from pathlib import Path
from bench.hardware.files import Files
from bench.host.leftover import Change
from bench.host.tune import applied
import bench.records.untrusted, bench.store.files
root = sys.argv[1]
seen, last = [0], [0]
def hook(event, arguments):
    if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(arguments[0]).startswith(root):
        seen[0] += 1
        if seen[0] == last[0]:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(hook)
for step in range(1, 1000):
    child = os.fork()
    if not child:
        last[0] = step
        with applied(Files(Path(root))):
            open(root + "/at-work", "w").close()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(step, os.WIFSIGNALED(status), flush=True)
    sys.stdin.readline()
    if not os.WIFSIGNALED(status):
        break
"""


def killed_at_every_step(files: Files) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLER, str(files.root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    for line in process.stdout:
        if line.split()[1] == "True":
            yield
        process.stdin.write("\n")
        process.stdin.flush()
    assert process.wait() == 0


@pytest.mark.parametrize("by", ["restore", "next start"])
def test_killed_at_any_step_it_is_undone(files: Files, by: str) -> None:
    states = set()
    steps = 0
    for _ in killed_at_every_step(files):
        steps += 1
        states.add(tuple(governors(files)))
        if by == "restore":
            undo_leftover(files)
        else:
            with applied(files) as made:
                assert governors(files) == ["performance"] * 3
                assert {one.before for one in made} == {"conservative"}, "what was left is not taken for what was"
        assert governors(files) == ["conservative"] * 3, f"after a kill before step {steps}"
        assert not (files.root / NOTE).exists() or leftover(files) == ()
        restore(files)
    assert steps > 20
    partly = ("performance", "conservative", "conservative")
    assert {("conservative",) * 3, partly, ("performance",) * 3} <= states, "kills hit before, within and after"


def test_nothing_is_changed_that_could_not_be_noted_down(files: Files) -> None:
    (files.root / "run").write_text("a file where a folder should be")
    with pytest.raises(CannotTune, match="cannot be written to"), applied(files):
        pytest.fail("it ran")
    assert governors(files) == ["conservative"] * 3


def test_while_its_process_lives_it_is_no_leftover(files: Files) -> None:
    with applied(files):
        with pytest.raises(TunedNow, match="another `bench host tune --apply` is at work"):
            undo_leftover(files)
        with pytest.raises(TunedNow), applied(files):
            pytest.fail("two at once")
        assert governors(files) == ["performance"] * 3
    assert governors(files) == ["conservative"] * 3
    assert undo_leftover(files) == Restored()


def left_changed(files: Files) -> None:
    """As after a kill with all changed."""
    script = (
        "import os, sys; from pathlib import Path; from bench.hardware.files import Files\n"
        "from bench.host.tune import applied\n"
        "with applied(Files(Path(sys.argv[1]))): os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(files.root)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert governors(files) == ["performance"] * 3


def test_what_somebody_has_set_since_is_left_alone(files: Files) -> None:
    left_changed(files)
    (files.root / CPUS / "cpu1/cpufreq/scaling_governor").write_text("schedutil")
    found = undo_leftover(files)
    assert governors(files) == ["conservative", "schedutil", "conservative"]
    assert (len(found.put_back), [one.path for one in found.left]) == (2, [f"{CPUS}/cpu1/cpufreq/scaling_governor"])
    assert not (files.root / NOTE).exists()


def test_a_boot_has_undone_it(files: Files) -> None:
    left_changed(files)
    (files.root / BOOT).write_text("another-boot\n")
    assert undo_leftover(files) == Restored()
    assert [one.before for one in changes(files)] == []


def test_a_setting_that_cannot_be_put_back_stays_noted_down(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    left_changed(files)

    def refused(files: Files, path: str, word: str) -> None:
        raise CannotTune("not permitted")

    with monkeypatch.context() as patch:
        patch.setattr("bench.host.leftover.write_word", refused)
        with pytest.raises(CannotTune, match="not permitted"):
            undo_leftover(files)
    assert len(leftover(files)) == 3
    undo_leftover(files)
    assert governors(files) == ["conservative"] * 3


def test_a_note_that_names_another_file_is_not_followed(files: Files) -> None:
    left_changed(files)
    note = files.root / NOTE
    (files.root / "precious").write_text("performance")
    for path in ("precious", "sys/devices/system/cpu/cpu0/../../../../precious", f"{CPUS}/cpu0/online"):
        kept = note.read_text()
        note.write_text(kept.replace(f"{CPUS}/cpu0/cpufreq/scaling_governor", path))
        with pytest.raises(CannotTune, match="is no setting of ours"):
            undo_leftover(files)
        note.write_text(kept)
    assert (files.root / "precious").read_text() == "performance"


@pytest.mark.parametrize("text", ["", "{", '{"changes": 1}', '{"boot": null, "changes": [{"path": "../../etc/x"}]}'])
def test_a_note_that_is_none_is_told(files: Files, text: str) -> None:
    (files.root / NOTE).parent.mkdir(parents=True)
    (files.root / NOTE).write_text(text)
    with pytest.raises(CannotTune, match="look at the governors yourself, and delete the file"):
        undo_leftover(files)


def test_the_holder_alone_changes(files: Files) -> None:
    with held(files), pytest.raises(TunedNow), held(files):
        pytest.fail("two at once")
