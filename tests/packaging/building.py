"""Building from a clean copy of the checkout, and scratch environments to install into."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHORT_RUN = ("run", "--workload", "speech_command", "--backend", "fake", "--scenario", "single_stream")


def checkout_files() -> list[Path]:
    """What a clone would hold if everything were committed now: relative paths, nothing that git ignores."""
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", folder=ROOT)
    paths = (Path(name) for name in sorted(set(listed.stdout.split("\0"))) if name)
    return [path for path in paths if os.path.lexists(ROOT / path)]


def copy_checkout(target: Path) -> None:
    """Lay a clean copy of the checkout at `target`, so that building leaves nothing in the real one."""
    for path in checkout_files():
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, target / path, follow_symlinks=False)


def run(*command: str | Path, folder: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command that must succeed; on failure the error shows what it printed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command} in {folder}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def build(source: Path, kind: str, out: Path) -> Path:
    """Build a `wheel` or `sdist` with the tools of this environment, without the network; returns the one file made."""
    run(sys.executable, "-m", "build", f"--{kind}", "--no-isolation", "--outdir", out, source, folder=out.parent)
    (made,) = out.iterdir()
    return made


def empty_environment(folder: Path) -> Path:
    """A virtual environment that sees this one's packages, but not its editable installs; returns its Python."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    purelib = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).stdout.strip()
    )
    # A folder named in a .pth file goes on the path, but .pth files inside it (editable installs) are not read.
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (purelib / "lent.pth").write_text("".join(f"{path}\n" for path in sorted(lent)))
    return python
