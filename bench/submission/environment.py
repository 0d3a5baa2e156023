"""What is installed here: versions with hashes, and the harness's own code."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import Distribution, distributions
from pathlib import Path

import bench
from bench.records.submission import Environment, Package


def environment() -> Environment:
    """The packages of this interpreter, in order of name, and a hash over the harness's source files."""
    found = {one.metadata["Name"]: _package(one) for one in distributions() if one.metadata["Name"]}
    return Environment(
        suite_version=bench.__version__,
        code_sha256=code_sha256(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages=tuple(found[name] for name in sorted(found, key=str.casefold)),
    )


def code_sha256() -> str:
    """SHA-256 over names and bytes of every source file of the harness, in order of name."""
    root, digest = Path(bench.__file__).parent, hashlib.sha256()
    links = [folder for folder in sorted(root.iterdir()) if folder.is_symlink() and folder.is_dir()]
    files = {file for top in (root, *links) for file in top.rglob("*.py") if "__pycache__" not in file.parts}
    for file in sorted(files, key=lambda file: file.relative_to(root).as_posix()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(root).as_posix()}:{len(content)};".encode())
        digest.update(content)
    return digest.hexdigest()


def _package(distribution: Distribution) -> Package:
    record = distribution.read_text("RECORD")
    return Package(
        name=distribution.metadata["Name"],
        version=distribution.version,
        record_sha256=hashlib.sha256(record.encode()).hexdigest() if record else None,
    )
