"""Writes a workload package of one's own: the example package under another name, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.authoring.subject import BadWorkload
from bench.models.suite import workload_names
from bench.records.plan import USER_WORKLOAD

TEMPLATE = Path(__file__).parent / "template"
# What the example is called, in code and in the names of distributions.
_NAME, _DASHED = "bright_corner", "bright-corner"
_GOOD_NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
_LONGEST = 40
_TEXTS = frozenset({".md", ".py", ".toml"})
_LEFT_BY_TOOLS = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")


def default_folder(name: str) -> Path:
    """Where a new workload goes if nobody says otherwise."""
    return Path(f"bench-workload-{name.replace('_', '-')}")


def write_workload(name: str, folder: Path) -> None:
    """Write the package to `folder`, which is not there yet or empty. Raises BadWorkload, or OSError."""
    _check_name(name)
    _check_folder(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    try:
        shutil.copytree(TEMPLATE, beside, ignore=_LEFT_BY_TOOLS)
        for file in _files(beside):
            _rename_in(file, name)
        for path in sorted(beside.rglob(f"*{_NAME}*"), reverse=True):  # the innermost first
            path.rename(path.with_name(path.name.replace(_NAME, name)))
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _check_name(name: str) -> None:
    if not _GOOD_NAME.fullmatch(name) or len(name) > _LONGEST:
        plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_LONGEST].strip("_")
        meant = f" Did you mean {plain!r}?" if _GOOD_NAME.fullmatch(plain) else ""
        raise BadWorkload(
            f"{name[:80]!r} cannot name a workload: at most {_LONGEST} small letters, digits and single underscores, a "
            f"letter first.{meant}"
        )
    if name == USER_WORKLOAD or name in workload_names():
        raise BadWorkload(f"There is a workload {name!r} already; choose another name.")


def _check_folder(folder: Path) -> None:
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise BadWorkload(f"{folder}: is there already and not an empty folder; name another one with `-o`.")
    except OSError as error:
        raise BadWorkload(f"{folder}: cannot be looked at: {error.strerror}.") from None


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def _rename_in(file: Path, name: str) -> None:
    if file.suffix in _TEXTS:
        text = file.read_text(encoding="utf-8")
        text = text.replace(_NAME, name).replace(_DASHED, name.replace("_", "-"))
        file.write_text(text, encoding="utf-8")
