"""The recipe of docs/offline-install.md, carried out: the only test here that reaches the package index."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from .building import ROOT, SHORT_RUN, copy_checkout, run

# Nothing that this machine's settings lend pip may help the laboratory's.
NO_INDEX = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": ""}


def commands(heading: str) -> list[str]:
    """The shell commands of the first code block below a heading of the recipe."""
    text = (ROOT / "docs" / "offline-install.md").read_text()
    block = re.search(rf"^## {re.escape(heading)}$.*?^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block is not None, f"docs/offline-install.md has no code block below {heading!r}"
    return block[1].replace("\\\n", " ").splitlines()


@pytest.mark.full
@pytest.mark.timeout(1800)
def test_recipe(tmp_path: Path) -> None:
    checkout, laboratory = tmp_path / "checkout", tmp_path / "laboratory"
    copy_checkout(checkout)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3.11").symlink_to(sys.executable)
    path = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    for command in commands("On a machine with a package index"):
        run("sh", "-ec", command, folder=checkout, env={**os.environ, **path})

    laboratory.mkdir()
    (checkout / "bundle").rename(laboratory / "bundle")
    inside = {**os.environ, **path, **NO_INDEX, "HOME": str(laboratory)}
    for command in commands("In the laboratory"):
        run("sh", "-ec", command, folder=laboratory, env=inside)
    run("bench-env/bin/bench", *SHORT_RUN, folder=laboratory, env=inside)
    assert list(laboratory.glob("results/runs/*/*/record.json"))
    assert not [file.name for file in (laboratory / "bundle").iterdir() if file.name.startswith("torch-")]
