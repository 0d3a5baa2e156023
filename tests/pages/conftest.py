"""A site of sound, void, quick and hostile systems, made once for all tests of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import systems


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """A results directory and the runs in it."""
    results = tmp_path_factory.mktemp("results")
    return results, systems.mixed(results)


@pytest.fixture(scope="session")
def mixed_site(kept: tuple[Path, list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the site, English first."""
    results, runs = kept
    return systems.site_of(results, runs, tmp_path_factory.mktemp("pages") / "site")
