"""What a submitter does, honest or not: takes an archive apart, changes it, writes it again and signs it."""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.records.submission import Item, Role, Verification
from bench.submission.archive import Source, described, unpack, write_archive
from bench.submission.keys import public_line
from bench.submission.signing import sign
from bench.submission.trusted import TrustedKey, TrustedKeys, write_trusted
from bench.submission.verifying import verify

TODAY = datetime.datetime.now(datetime.UTC).date()
YEAR = datetime.timedelta(days=365)
Edit = Callable[[Path], None]


class Laboratory(NamedTuple):
    """An evaluator's trusted keys, and the private key of each role."""

    trusted: Path
    keys: dict[Role, Ed25519PrivateKey]

    def verify(self, archive: Path) -> Verification:
        return verify(archive, TrustedKeys(self.trusted))


def laboratory(
    folder: Path, roles: tuple[Role, ...] = ("submitter", "inspector", "reviewer", "approver")
) -> Laboratory:
    keys: dict[Role, Ed25519PrivateKey] = {role: Ed25519PrivateKey.generate() for role in roles}
    for role, key in keys.items():
        trust(folder / f"{role}.toml", key, role)
    return Laboratory(folder, keys)


def trust(file: Path, key: Ed25519PrivateKey, *roles: Role, **changes: Any) -> None:
    plain = TrustedKey(
        name=f"the {roles[0]}",
        public_key=public_line(key.public_key()),
        roles=roles,
        valid_from=TODAY - YEAR,
        valid_until=TODAY + YEAR,
    )
    write_trusted(file, msgspec.structs.replace(plain, **changes))


def forged(archive: Path, target: Path, edit: Edit, key: Ed25519PrivateKey, relist: bool = True) -> Path:
    """The archive again with its files changed by `edit`, its manifest made to fit, and signed."""
    folder = target.with_suffix(".parts")
    folder.mkdir()
    unpack(archive, folder)
    edit(folder)
    if relist:
        with changed(folder / "manifest.json") as manifest:
            names = sorted(name for name in names_in(folder) if name != "manifest.json")
            manifest["files"] = [msgspec.to_builtins(described(source_of(folder, name))) for name in names]
    return signed(written(folder, target), key)


def written(folder: Path, target: Path) -> Path:
    sources = [source_of(folder, name) for name in names_in(folder)]
    write_archive(target, sources, {source.name: described(source) for source in sources})
    return target


def signed(archive: Path, key: Ed25519PrivateKey, role: Role = "submitter", run_id: str | None = None) -> Path:
    import hashlib

    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    sign(archive, digest, run_id or archive.stem.split(".")[0], role, key)
    return archive


def names_in(folder: Path) -> list[str]:
    return [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")) if file.is_file()]


def source_of(folder: Path, name: str) -> Source:
    return Source(name=name, open=partial(io.BytesIO, (folder / name).read_bytes()))


class changed:  # noqa: N801 - reads as what it does
    """The plain content of a JSON file, written back when the block ends."""

    def __init__(self, file: Path) -> None:
        self._file, self._plain = file, json.loads(file.read_text())

    def __enter__(self) -> Any:
        return self._plain

    def __exit__(self, *exception: object) -> None:
        if exception[0] is None:
            self._file.write_text(json.dumps(self._plain))


def violations(found: Verification) -> set[tuple[str, str]]:
    """Check and reason of everything that does not conform."""
    return {(item.check, item.reason) for item in found.items if item.verdict == "violates"}


def item(found: Verification, check: str) -> Item:
    (one,) = [entry for entry in found.items if entry.check == check]
    return one
