"""Where things are written: results and cache directories, and the test that they can be written to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

# Parts of the cache directory. Nothing else in it is ours to count or to remove, whatever BENCH_CACHE points at.
CACHE_PARTS = ("engines", "models", "videos")


class CannotWrite(OSError):
    """A directory that results cannot be kept in; one line with the path and the reason."""


def results_directory(chosen: str | None) -> Path:
    """`--output`, else BENCH_RESULTS, else ./results."""
    return Path(chosen or os.environ.get("BENCH_RESULTS") or "results").expanduser().absolute()


def cache_directory() -> Path:
    """BENCH_CACHE, else the user's cache directory as the platform has it."""
    import platformdirs

    chosen = os.environ.get("BENCH_CACHE")
    return Path(chosen).expanduser().absolute() if chosen else Path(platformdirs.user_cache_dir("inference-bench"))


def ensure_writable(folder: Path, choose_by: str = "`--output` or BENCH_RESULTS") -> None:
    """Make `folder` and prove that a file can be written there. Raises CannotWrite."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".probe-") as probe:
            probe.write(b"x" * 4096)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise CannotWrite(
            f"{folder}: cannot be written to: {error.strerror or error}. Choose another place ({choose_by})."
        ) from None


def run_names(results: Path) -> list[str]:
    """Ids of the runs kept under a results directory, newest first; reads no record."""
    return sorted((file.parent.name for file in (results / "runs").glob("*/run.json")), reverse=True)
