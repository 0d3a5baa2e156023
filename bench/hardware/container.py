"""The limits of control groups and containers (versions 1 and 2 of cgroups), and the CPUs that they leave."""

from __future__ import annotations

import math
import os
import re
from pathlib import PurePosixPath

from bench.hardware.files import Files, spans
from bench.records.profile import Container

_MOUNT = "sys/fs/cgroup"
# A limit near 2^63 is how version 1 says that there is none.
_NO_LIMIT = 1 << 60
_NUMBER = re.compile(r"[1-9]\d{0,17}", re.ASCII)
_NAMES = ("docker", "kubepods", "containerd", "podman", "lxc", "garden")


def read_container(files: Files) -> Container:
    """The strictest limits of this process's group and of all above it; None where nothing limits."""
    quotas, limits = [], []
    for folder in _groups(files, "cpu"):
        quotas += _quota(files, folder)
    for folder in _groups(files, "memory"):
        found = [files.number(f"{folder}/{name}") for name in ("memory.max", "memory.limit_in_bytes")]
        limits += [limit for limit in found if limit is not None and 0 < limit < _NO_LIMIT]
    return Container(
        kind=_kind(files),
        cpu_quota=min(quotas, default=None),
        cpus_allowed=_allowed(files),
        memory_limit_bytes=min(limits, default=None),
    )


def usable_cores(files: Files | None = None) -> int:
    """CPUs that this process may use: its affinity, cut by the quota of its control group; at least one."""
    files = files or Files()
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return cut_by(read_container(files), allowed)


def cut_by(container: Container, threads: int) -> int:
    """`threads` cut to what a container leaves of them: whole CPUs, and at least one."""
    limits = [threads, container.cpus_allowed or threads]
    if container.cpu_quota is not None:
        limits.append(max(1, math.floor(container.cpu_quota)))
    return max(1, min(limits))


def _groups(files: Files, controller: str) -> list[str]:
    """Folders of this process's group for a controller and of those above, the innermost first."""
    places = []
    for line in (files.text("proc/self/cgroup") or "0::/").splitlines():
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            top = _MOUNT
        elif controller in controllers.split(","):
            named = [f"{_MOUNT}/{name}" for name in (controllers, controller) if files.names(f"{_MOUNT}/{name}")]
            top = named[0] if named else f"{_MOUNT}/{controller}"
        else:
            continue
        inside = PurePosixPath(path.strip("/"))
        own = [str(inside), *(str(parent) for parent in inside.parents)] if path.strip("/") else ["."]
        # Within a container the path may be the host's, which is not mounted there; the mount itself is the group.
        places += [top if step == "." else f"{top}/{step}" for step in own if ".." not in step]
    return list(dict.fromkeys(places))


def _quota(files: Files, folder: str) -> list[float]:
    words = (files.text(f"{folder}/cpu.max") or "").split()
    if len(words) == 2 and all(_NUMBER.fullmatch(word) for word in words):
        return [int(words[0]) / int(words[1])]
    quota, period = (files.number(f"{folder}/cpu.cfs_{name}_us") for name in ("quota", "period"))
    return [quota / period] if quota and period and quota > 0 and period > 0 else []


def _allowed(files: Files) -> int | None:
    for line in (files.text("proc/self/status") or "").splitlines():
        name, _, value = line.partition(":")
        if name == "Cpus_allowed_list":
            return len(spans(value.strip())) or None
    return None


def _kind(files: Files) -> str | None:
    """What kind of container this is, None where nothing says that it is one."""
    if found := files.text("run/systemd/container"):
        return found
    for path, name in ((".dockerenv", "docker"), ("run/.containerenv", "podman")):
        if files.raw(path) is not None:
            return name
    groups = files.text("proc/self/cgroup") or ""
    return next((name for name in _NAMES if name in groups), None)
