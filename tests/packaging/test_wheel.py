"""The wheel and the sdist: what is in them; an installed wheel runs from anywhere and writes only where told."""

from __future__ import annotations

import csv
import email
import hashlib
import io
import tarfile
import zipfile
from collections import Counter
from email.message import Message
from pathlib import Path, PurePosixPath

from packaging.requirements import Requirement

from .building import SHORT_RUN, checkout_files, run

# Where a folder of the checkout lies in the wheel, longest first; links are followed, as setuptools does.
PLACES = {
    "results/reference": "bench/reference",
    "docs/examples/bench-workload-example": "bench/authoring/template",
    "hardware_profiles": "bench/hardware_profiles",
    "backends": "bench/backends",
    "models": "bench/models",
    "bench": "bench",
}
HEAVY = {"torch", "openvino", "ray", "pyopencl", "mlcommons-loadgen", "pytest", "mypy"}


def contents(wheel: Path) -> dict[str, str]:
    """Name → hash of all but the record itself, as the wheel's own record has them."""
    with zipfile.ZipFile(wheel) as archive:
        (record,) = (name for name in archive.namelist() if name.endswith(".dist-info/RECORD"))
        rows = csv.reader(io.StringIO(archive.read(record).decode()))
        return {row[0]: row[1] for row in rows if row[0] != record}


def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def place_in_wheel(path: Path) -> str | None:
    for folder, place in PLACES.items():
        if path.is_relative_to(folder):
            return str(PurePosixPath(place) / path.relative_to(folder))
    return None


def test_wheel_holds_exactly_the_packages_of_the_checkout(source: Path, wheel: Path) -> None:
    expected = {place_in_wheel(path) for path in checkout_files() if not (source / path).is_symlink()} - {None}
    shipped = {name for name in contents(wheel) if ".dist-info/" not in name}
    # A file missing here is named by no glob under [tool.setuptools.package-data], or its folder lacks __init__.py.
    assert shipped == expected


def test_wheel_from_sdist_is_the_wheel_from_the_tree(wheel: Path, wheel_from_sdist: Path) -> None:
    assert contents(wheel_from_sdist) == contents(wheel)
    assert wheel_from_sdist.name == wheel.name


def test_sdist_holds_everything_once(sdist: Path, wheel: Path) -> None:
    with tarfile.open(sdist) as archive:
        members = [member for member in archive if not member.isdir()]
        assert [member.name for member in members if not member.isreg()] == []
        names = {member.name.partition("/")[2] for member in members}
        hashes = Counter(
            hashlib.sha256(file.read()).hexdigest()
            for member in members
            if member.size > 1000 and (file := archive.extractfile(member)) and ".egg-info/" not in member.name
        )
    assert {name for name in contents(wheel) if ".dist-info/" not in name} <= names
    around = {name for name in names if not name.startswith(("bench/", "inference_bench.egg-info/"))}
    assert around == {
        *("LICENSE", "MANIFEST.in", "PKG-INFO", "README.md", "constraints.txt", "pyproject.toml", "setup.cfg"),
    }
    assert [digest for digest, count in hashes.items() if count > 1] == []


def test_metadata(wheel: Path) -> None:
    facts = metadata(wheel)
    assert facts["Name"] == "inference-bench"
    assert facts["License-Expression"] == "Apache-2.0"
    assert facts.get_all("License-File") == ["LICENSE"]
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in contents(wheel))
    assert str(facts.get_payload()).strip(), "the README is the description"


def test_default_install_has_nothing_heavy(wheel: Path) -> None:
    needed = [Requirement(line) for line in metadata(wheel).get_all("Requires-Dist", [])]
    default = {one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})}
    assert "onnxruntime" in default
    assert default.isdisjoint(HEAVY)


def test_installed_wheel_lists_and_runs_from_anywhere(installed: Path, tmp_path: Path) -> None:
    places = {name: tmp_path / name for name in ("elsewhere", "home", "tmp", "cache", "kept")}
    for place in places.values():
        place.mkdir()
    env = {
        "PATH": f"{installed}:/usr/bin:/bin",
        "HOME": str(places["home"]),
        "TMPDIR": str(places["tmp"]),
        "BENCH_CACHE": str(places["cache"]),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    before = files_under(installed.parent)

    where = run("python", "-c", "import bench; print(bench.__file__)", folder=places["elsewhere"], env=env).stdout
    assert Path(where).is_relative_to(installed.parent)
    listed = run("bench", "list", folder=places["elsewhere"], env=env).stdout
    assert "speech_command" in listed
    assert "fake" in listed
    run("bench", *SHORT_RUN, "--output", places["kept"], folder=places["elsewhere"], env=env)

    assert [path.name for path in files_under(places["kept"]) if path.name == "record.json"]
    for name in ("elsewhere", "home", "tmp"):
        assert files_under(places[name]) == set(), f"something was written to the {name} folder"
    assert files_under(installed.parent) == before


def files_under(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_dir()}
