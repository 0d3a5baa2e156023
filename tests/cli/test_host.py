"""`bench host` from the command line, on whatever machine this is."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .things import run


def test_the_state_is_shown(tmp_path: Path) -> None:
    shown = run(tmp_path, "host", "show", "--format", "json")
    assert shown.code == 0
    assert {"governor", "load", "temperature_c"} <= set(json.loads(shown.out))
    assert "系统负载" in run(tmp_path, "host", "show", "--lang", "zh").out


def test_tuning_runs_a_command_and_hands_on_its_code(tmp_path: Path) -> None:
    assert run(tmp_path, "host", "tune").code == 0
    code = "import os, sys; sys.exit(7 if 'BENCH_HOST_TUNED' in os.environ else 1)"
    outcome = run(tmp_path, "host", "tune", "--apply", "--", sys.executable, "-c", code)
    assert outcome.code in (2, 7), outcome  # 2 where there is a governor to change and no right to
    for arguments, words in (
        (("--apply",), "name it: `-- bench run"),
        (("true",), "add `--apply`"),
        (("--apply", "no-such-program"), "`no-such-program` cannot be run"),
    ):
        refused = run(tmp_path, "host", "tune", *arguments)
        assert (refused.code, words in refused.err) == (2, True), refused
