"""Tiers: `full`, `perf` and `gpu` tests are skipped unless asked for or, for `gpu`, unless there is one.

Tests that are `alone` are skipped where several processes test at once.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest
from hypothesis import settings

# Once a test has used gRPC, its handlers for forks would abort children of later tests before they become programs.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
# A deadline per example is a wall-clock assertion, and a busy CI machine would fail it.
settings.register_profile("no-deadline", deadline=None)
settings.load_profile("no-deadline")


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("tiers")
    group.addoption("--full", action="store_true", help="run the long tests, too (make test-full)")
    group.addoption("--perf", action="store_true", help="run the speed measurements, too (make perf)")


def pytest_configure() -> None:
    """Give each of several test processes cores of its own, with all that it starts.

    Two engines with a thread for every core of the machine would wait for each other's threads most of the time.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if not worker.startswith("gw") or not hasattr(os, "sched_setaffinity"):
        return
    own = sorted(os.sched_getaffinity(0))[int(worker[2:]) :: int(os.environ["PYTEST_XDIST_WORKER_COUNT"])]
    if own:
        os.sched_setaffinity(0, own)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for tier in ("full", "perf"):
            if item.get_closest_marker(tier) and not config.getoption(f"--{tier}"):
                item.add_marker(pytest.mark.skip(reason=f"runs with --{tier}"))
        if item.get_closest_marker("alone") and "PYTEST_XDIST_WORKER" in os.environ:
            item.add_marker(pytest.mark.skip(reason="needs the machine to itself: `pytest --full -m alone`"))
        if item.get_closest_marker("gpu") and not has_gpu():
            item.add_marker(pytest.mark.skip(reason="nvidia-smi lists no GPU"))


@functools.cache
def has_gpu() -> bool:
    """Whether the driver lists a GPU; asked at the first `gpu` test, without importing an engine."""
    if shutil.which("nvidia-smi") is None:
        return False
    try:
        listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and "GPU" in listed.stdout
