"""The workload to look at: an installed one by its name, or a folder that may be installed nowhere."""

from __future__ import annotations

import importlib
import sys
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

from bench.models.suite import GROUP, workload_names
from bench.plugins import suggestion

SPECIFICATION = "workload.toml"


class BadWorkload(ValueError):
    """A workload or folder that is not there, or that cannot be worked on; one line."""


def find_package(asked: str) -> tuple[str, Path | None]:
    """The dotted name of the package that `asked` means, and the folder to import it from (None: it is installed).

    A folder is the package itself, or holds it: a project with its `pyproject.toml`. Raises BadWorkload.
    """
    if "/" not in asked and asked in workload_names():
        packages = sorted({entry.value for entry in entry_points(group=GROUP) if entry.name == asked})
        if len(packages) > 1:
            raise BadWorkload(f"The workload {asked!r} is registered twice: {', '.join(packages)}; uninstall one.")
        return packages[0], None
    folder = Path(asked).expanduser().absolute()
    if not folder.is_dir():
        hint = suggestion(asked, workload_names())
        raise BadWorkload(f"There is no workload {asked!r} and no folder of that name.{hint}")
    return _in_folder(folder)


def import_package(name: str, root: Path | None) -> ModuleType:
    """Import it; whatever its code raises comes through."""
    if root is not None:
        sys.path.insert(0, str(root))
    return importlib.import_module(name)


def _in_folder(folder: Path) -> tuple[str, Path]:
    packages = [folder] if (folder / SPECIFICATION).is_file() else [f.parent for f in folder.glob(f"*/{SPECIFICATION}")]
    if len(packages) != 1:
        found = ", ".join(sorted(package.name for package in packages)) or "none"
        raise BadWorkload(
            f"{folder}: a workload is one package with {SPECIFICATION}, here or one level down; found {found}."
        )
    package = packages[0]
    parts, root = [package.name], package.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    return ".".join(parts), root
