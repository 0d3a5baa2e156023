"""constraints.txt against pyproject.toml: one exact version of everything named there, within its bounds."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from .building import ROOT


def pinned() -> dict[str, str]:
    pins = {}
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, version = line.partition("==")
            assert version, f"{line!r} does not pin an exact version"
            pins[canonicalize_name(name)] = version
    return pins


def named() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    for line in [*project["dependencies"], *(line for lines in extras.values() for line in lines)]:
        requirement = Requirement(line)
        if requirement.name != project["name"]:
            yield requirement


@pytest.mark.parametrize("requirement", list(named()), ids=str)
def test_pinned_within_bounds(requirement: Requirement) -> None:
    version = pinned().get(canonicalize_name(requirement.name))
    assert version is not None, f"constraints.txt does not pin {requirement.name}"
    assert requirement.specifier.contains(version)


def test_lower_bound_on_everything() -> None:
    assert [str(one) for one in named() if not any(part.operator == ">=" for part in one.specifier)] == []


def test_torch_is_the_release_that_machines_without_a_gpu_install() -> None:
    assert pinned()["torch"] == "2.13.0"
