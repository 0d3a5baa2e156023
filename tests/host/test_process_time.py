"""Processor time of a tree of processes: what helpers spend counts, living, ended or left behind."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from bench.host.process_time import tree_s

# Spends so many seconds of processor time; then waits for a line, or ends.
BURN = "import time\nwhile time.process_time() < {seconds}: pass\n"
SPENT_S = 0.3


def helper(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def test_a_helper_counts_while_it_lives_and_after_it_ended() -> None:
    before = tree_s()
    child = helper(BURN.format(seconds=SPENT_S) + "print(flush=True); input()")
    assert child.stdout is not None
    child.stdout.readline()
    living = tree_s() - before
    child.communicate("\n")
    ended = tree_s() - before
    assert living > SPENT_S * 0.8
    assert living <= ended < living + SPENT_S, "once, not twice"


def test_a_helpers_helper_counts() -> None:
    inner = BURN.format(seconds=SPENT_S) + "print(flush=True); input()"
    outer = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {inner!r}])"
    before = tree_s()
    child = helper(outer)
    assert child.stdout is not None
    child.stdout.readline()
    assert tree_s() - before > SPENT_S * 0.8
    child.communicate("\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has a process that keeps orphans")
@pytest.mark.parametrize("keeps", [True, False])
def test_a_helper_that_leaves_its_parent_counts_where_orphans_are_kept(keeps: bool) -> None:
    burn = BURN.format(seconds=SPENT_S) + "print('spent', flush=True); time.sleep(60)"
    leave = f"import os, sys\nif os.fork(): os._exit(0)\nos.setsid()\nexec({burn!r})"
    code = f"""
import subprocess, sys
from bench.host.process_time import keep_orphans, tree_s
import psutil
if {keeps}: keep_orphans()
before = tree_s()
child = subprocess.Popen([sys.executable, "-c", {leave!r}], stdout=subprocess.PIPE, text=True)
child.wait()
child.stdout.readline()
print(tree_s() - before, flush=True)
for one in psutil.process_iter(["cmdline"]):
    if {leave!r} in (one.info["cmdline"] or []): one.kill()
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=dict(os.environ)
    )
    assert (float(done.stdout) > SPENT_S * 0.8) == keeps
