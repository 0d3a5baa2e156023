"""An archive laid out in a folder of ours: its manifest read, and every file held against it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bench.records.submission import Item, Manifest
from bench.records.untrusted import BadFile, read_json
from bench.submission.archive import Unpacked
from bench.submission.contents import MANIFEST


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an unpacked archive. Raises BadFile."""
    if not (folder / MANIFEST).is_file():
        raise BadFile(f"{MANIFEST}: there is none in the archive; `bench pack` writes one.")
    try:
        return read_json(folder / MANIFEST, Manifest)
    except BadFile as error:
        raise BadFile(str(error).replace(f"{folder}/", "")) from None


def held_against(manifest: Manifest, unpacked: Unpacked) -> Iterator[Item]:
    """Every file of the archive against the manifest, and the manifest against the archive."""
    listed = {file.name: file for file in manifest.files}
    if len(listed) < len(manifest.files):
        yield Item(check="manifest", subject=MANIFEST, verdict="violates", reason="listed-twice")
    found = {file.name: file for file in unpacked.files if file.name != MANIFEST}
    for name in sorted(listed.keys() | found.keys()):
        yield from _held(name, listed.get(name) is not None, name in found, listed.get(name) == found.get(name))


def _held(name: str, listed: bool, found: bool, same: bool) -> Iterator[Item]:
    reason = "" if same else "not-listed" if not listed else "not-there" if not found else "other-bytes"
    yield Item(check="manifest", subject=name, verdict="conforms" if same else "violates", reason=reason)
