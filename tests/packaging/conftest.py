"""Things that take seconds to make, made once: a clean copy of the checkout, wheel, sdist, an installed wheel."""

from __future__ import annotations

import shutil
import sys
import tarfile
from pathlib import Path

import pytest

from .building import ROOT, build, copy_checkout, empty_environment, run


@pytest.fixture(scope="package")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout and git: what ships is compared with what git holds")
    target = tmp_path_factory.mktemp("checkout") / "source"
    copy_checkout(target)
    return target


@pytest.fixture(scope="package")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(source, "wheel", tmp_path_factory.mktemp("wheel") / "dist")


@pytest.fixture(scope="package")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(source, "sdist", tmp_path_factory.mktemp("sdist") / "dist")


@pytest.fixture(scope="package")
def wheel_from_sdist(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("from-sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = folder.iterdir()
    return build(unpacked, "wheel", folder / "dist")


@pytest.fixture(scope="package")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment outside the checkout that has the wheel and borrows its dependencies."""
    folder = tmp_path_factory.mktemp("installed")
    python = empty_environment(folder)
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", "--no-compile", wheel, folder=folder)
    return python.parent
