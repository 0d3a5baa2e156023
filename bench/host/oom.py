"""What the kernel killed for want of memory: its own counts, of this process's control group and of the machine.

An engine that is killed so leaves no word, and SIGKILL does not say who sent it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

Where = Literal["group", "machine"]
_COUNT = "oom_kill"  # one name in the files of both kinds of control groups, and in that of the machine


class OomWatch:
    """Kills since it was made; `root` is where the system's `proc` and `sys` lie."""

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._before = self._counts()

    def seen(self) -> Where | None:
        """The closest place where the kernel killed meanwhile; None where it did not, or does not tell."""
        now = self._counts()
        return next((where for where, count in self._before.items() if now.get(where, count) > count), None)

    def _counts(self) -> dict[Where, int]:
        files: dict[Where, Path | None] = {"group": _group_file(self._root), "machine": self._root / "proc/vmstat"}
        counted = {where: _count(file) for where, file in files.items() if file is not None}
        return {where: count for where, count in counted.items() if count is not None}


def _group_file(root: Path) -> Path | None:
    """Where the count of this process's group stands: its own folder, or the nearest above that has one."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return None
    mounts = root / "sys/fs/cgroup"
    for controllers, path in (line.split(":", 2)[1:] for line in lines if line.count(":") >= 2):
        if controllers == "":
            top, name = mounts, "memory.events"
        elif "memory" in controllers.split(","):
            top, name = mounts / "memory", "memory.oom_control"
        else:
            continue
        own = top / path.lstrip("/")
        for folder in (own, *own.parents):
            if (folder / name).is_file():
                return folder / name
            if folder == top:
                break
    return None


def _count(file: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError):
        for line in file.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == _COUNT:
                return int(value)
    return None
