"""`bench.host.oom`: what the kernel counts of kills for want of memory, wherever a system has its control groups."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from bench.host.engine_process import obituary
from bench.host.oom import OomWatch

V2 = "low 0\nhigh 0\nmax 12\noom 3\noom_kill {}\noom_group_kill 0\n"
V1 = "oom_kill_disable 0\nunder_oom 0\noom_kill {}\n"
MACHINE = "nr_free_pages 1\noom_kill {}\nnuma_hit 5\n"
SYSTEMS = {
    "one hierarchy": ("0::/user.slice/run\n", "sys/fs/cgroup/user.slice/run/memory.events", V2),
    "a container with a name space of its own": ("0::/\n", "sys/fs/cgroup/memory.events", V2),
    "counted by a group above": ("0::/user.slice/run/leaf\n", "sys/fs/cgroup/user.slice/memory.events", V2),
    "a hierarchy for memory": (
        "5:cpu,cpuacct:/a\n4:memory:/a/b\n0::/\n",
        "sys/fs/cgroup/memory/a/b/memory.oom_control",
        V1,
    ),
    "an old container, which sees only its own part": (
        "4:memory:/docker/abc\n",
        "sys/fs/cgroup/memory/memory.oom_control",
        V1,
    ),
}


def write(root: Path, name: str, text: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text)


@pytest.mark.parametrize("system", SYSTEMS)
def test_a_kill_in_the_own_group_is_seen(tmp_path: Path, system: str) -> None:
    groups, counted, text = SYSTEMS[system]
    write(tmp_path, "proc/self/cgroup", groups)
    write(tmp_path, "proc/vmstat", MACHINE.format(7))
    write(tmp_path, counted, text.format(2))
    watch = OomWatch(tmp_path)
    assert watch.seen() is None, "kills before it was made are not its own"
    write(tmp_path, "proc/vmstat", MACHINE.format(8))
    assert watch.seen() == "machine"
    write(tmp_path, counted, text.format(3))
    assert watch.seen() == "group"


def test_where_no_group_counts_only_the_machine_is_told(tmp_path: Path) -> None:
    write(tmp_path, "proc/self/cgroup", "0::/a\n")
    write(tmp_path, "proc/vmstat", MACHINE.format(0))
    watch = OomWatch(tmp_path)
    write(tmp_path, "proc/vmstat", MACHINE.format(1))
    assert watch.seen() == "machine"


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"proc/self/cgroup": "4:memory:/a\n"},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "oom_kill many\n", "proc/vmstat": "\n"},
        {"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.events": "", "proc/vmstat": "oom_kill\n"},
        {"proc/self/cgroup": "0::/../../..\n", "proc/vmstat": "no such count\n"},
        {"proc/self/cgroup": "nonsense\n", "proc/vmstat": "no such count\n"},
    ],
)
def test_a_system_that_does_not_tell_says_nothing(tmp_path: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        write(tmp_path, name, text)
    assert OomWatch(tmp_path).seen() is None


def test_this_system_is_read_without_trouble() -> None:
    assert OomWatch().seen() in (None, "machine", "group")


class Scripted(OomWatch):
    def __init__(self, where: str | None) -> None:
        self.where = where

    def seen(self):  # type: ignore[no-untyped-def]
        return self.where


@pytest.mark.parametrize(
    ("code", "where", "cause", "words"),
    [
        (-signal.SIGKILL, None, None, "it was ended by SIGKILL; its output is in log"),
        (-signal.SIGKILL, "group", "out-of-memory", "in its control group; its output"),
        (-signal.SIGKILL, "machine", None, "while the kernel killed for want of memory on this machine"),
        # Whatever was killed meanwhile, these ended in another way.
        (-signal.SIGSEGV, "group", None, "it was ended by SIGSEGV; its output is in log"),
        (3, "group", None, "it ended with code 3; its output is in log"),
    ],
)
def test_an_obituary_says_what_is_known(code: int, where: str | None, cause: str | None, words: str) -> None:
    fault = obituary("it", code, Scripted(where), "log")
    assert fault.cause == cause
    assert words in fault.words
