"""What the code imports against what `pyproject.toml` declares: nothing undeclared, nothing declared for nothing."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .building import ROOT

# Reached through links as well; each file once, by its real place.
SOURCES = sorted({file.resolve() for top in ("bench", "backends", "models") for file in (ROOT / top).rglob("*.py")})


def declared(extra: str | None = None) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines: list[str] = project["dependencies"] if extra is None else project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(line).name) for line in lines}


EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])


def imported(file: Path) -> Iterator[str]:
    """Top-level names of other people's packages that a module imports anywhere, for type checkers only or not."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        for name in names:
            top = name.partition(".")[0]
            if top != "bench" and top not in sys.stdlib_module_names:
                yield top


INSTALLED = packages_distributions()


def distributions(name: str) -> set[str]:
    """Who brings an import name; where nobody is installed (an extra), the distribution of the same name."""
    return {canonicalize_name(one) for one in INSTALLED.get(name, [name])}


def engine(file: Path) -> str:
    """What a module of `backends` drives: its first word, or that of the folder it lies in."""
    return file.relative_to(ROOT / "backends").parts[0].removesuffix(".py").partition("_")[0]


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_import_is_declared(file: Path) -> None:
    allowed = declared()
    if file.is_relative_to(ROOT / "models"):  # making data and weights is not part of a run
        allowed |= declared("build")
    if file.is_relative_to(ROOT / "bench" / "loadgen" / "mlperf"):  # the driver that is there for comparison
        allowed |= declared("mlperf")
    if file.is_relative_to(ROOT / "bench" / "tasks") and file.stem in ("video", "cameras"):  # films, if asked for
        allowed |= declared("video")
    if file == ROOT / "bench" / "pages" / "printing.py":  # PDF, if asked for
        allowed |= declared("pdf")
    if file == ROOT / "bench" / "fleet" / "by_ray.py":  # a cluster, if asked for
        allowed |= declared("fleet")
    if file.is_relative_to(ROOT / "bench" / "serving"):  # the other end of what the backend `endpoint` speaks
        allowed |= declared("endpoint")
    if file == ROOT / "bench" / "pytest_plugin.py":  # loaded by the user's own pytest
        allowed.add("pytest")
    if file.is_relative_to(ROOT / "backends"):  # an engine that a backend drives, by the extra of the backend's name
        allowed |= declared(extra) if (extra := engine(file)) in EXTRAS else set()
    undeclared = {name for name in imported(file) if not distributions(name) & allowed}
    assert undeclared == set()


def test_every_default_dependency_is_imported() -> None:
    used = {one for file in SOURCES for name in imported(file) for one in distributions(name)}
    assert declared() - used == set()


def test_only_the_making_of_models_needs_the_extra_for_it() -> None:
    used = {one for file in SOURCES for name in imported(file) for one in distributions(name)}
    assert declared("build") <= used
