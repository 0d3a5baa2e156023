"""The one form of archive that is written and read: a plain tar of regular files, sorted, without times and owners.

What is read must be byte for byte what would have been written: links, devices, long names, duplicates, other orders
and hidden fields have no place in it, so that none of them needs to be handled.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench.records.submission import PackedFile
from bench.store.files import write_atomically

MOST_BYTES = 16 << 30
MOST_FILES = 20_000
_BLOCK, _CHUNK = 512, 1 << 20
_END = bytes(2 * _BLOCK)
# No dot in front: nothing hidden, and neither `.` nor `..`.
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]*(?:/[A-Za-z0-9_][A-Za-z0-9._+-]*)*")


class BadArchive(ValueError):
    """A file that is no archive of ours; one line that says where, what was seen, and what was expected."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be packed: its name in the archive, and how its bytes are opened, each time anew."""

    name: str
    open: Callable[[], BinaryIO]


class Unpacked(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in an archive: the hash of all of it, and its files in their order."""

    sha256: str
    files: tuple[PackedFile, ...]


def described(source: Source) -> PackedFile:
    """Name, hash and size of what will be packed; reads it once, in constant memory. Raises OSError."""
    digest, size = hashlib.sha256(), 0
    with source.open() as file:
        for part in _parts(file):
            digest.update(part)
            size += len(part)
    return PackedFile(name=source.name, sha256=digest.hexdigest(), size=size)


def write_archive(path: Path, sources: Iterable[Source], described_as: dict[str, PackedFile]) -> str:
    """Write `sources`, in order of name, atomically; returns the archive's SHA-256 in hexadecimal digits.

    Raises BadArchive where a file is not what `described` said of it, or has a name that no archive holds; OSError.
    """
    digest = hashlib.sha256()
    ordered = sorted(sources, key=lambda source: source.name)

    def write(temporary: Path) -> None:
        with open(temporary, "wb") as file:
            for part in _tar(ordered, described_as):
                digest.update(part)
                file.write(part)

    write_atomically(path, write)
    return digest.hexdigest()


def unpack(path: Path, folder: Path) -> Unpacked:
    """Write the files of an archive into the empty `folder`, in constant memory. Raises BadArchive or OSError."""
    if not path.is_file():
        raise BadArchive(f"{path}: there is no such file; name an archive of `bench pack`.")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise BadArchive(f"{path}: {size} bytes; archives of more than {MOST_BYTES} are not read.")
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        reader = _Reader(path, file, digest.update)
        return Unpacked(files=tuple(reader.files(folder)), sha256=digest.hexdigest())


def _tar(sources: list[Source], described_as: dict[str, PackedFile]) -> Iterator[bytes]:
    for source in sources:
        expected = described_as[source.name]
        yield _header(expected.name, expected.size)
        digest, size = hashlib.sha256(), 0
        with source.open() as file:
            for part in _parts(file):
                digest.update(part)
                size += len(part)
                yield part
        if (digest.hexdigest(), size) != (expected.sha256, expected.size):
            raise BadArchive(f"{source.name}: changed while it was packed; wait for the run to end and pack again.")
        yield bytes(-size % _BLOCK)
    yield _END


def _header(name: str, size: int) -> bytes:
    """The block in front of a file. Raises BadArchive for a name or a size that this form does not hold."""
    if not _NAME.fullmatch(name):
        raise BadArchive(f"{name!r}: no name for an archive; letters, digits, `.`, `_`, `+` and `-` are.")
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    try:
        return entry.tobuf(tarfile.USTAR_FORMAT)
    except ValueError as error:
        raise BadArchive(f"{name!r} of {size} bytes does not fit into an archive: {error}") from None


def _parts(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(_CHUNK):
        yield part


class _Reader:
    """Reads an archive from its beginning to its end, each byte once, and hands each to `heard`."""

    def __init__(self, path: Path, file: BinaryIO, heard: Callable[[bytes], None]) -> None:
        self._path, self._file, self._heard = path, file, heard

    def files(self, folder: Path) -> Iterator[PackedFile]:
        last, seen = "", set[str]()
        while (header := self._take(_BLOCK)) != bytes(_BLOCK):
            entry = self._entry(header)
            if len(seen) == MOST_FILES:
                raise self._bad(f"more than {MOST_FILES} files")
            if entry.name <= last:
                raise self._bad(f"{entry.name!r} stands behind {last!r}: twice, or out of order")
            # Where names that differ in case are one file, the second would overwrite the first.
            if entry.name.casefold() in seen:
                raise self._bad(f"{entry.name!r} differs from a file before it in case only")
            last = entry.name
            seen.add(last.casefold())
            yield self._file_of(entry, folder)
        if self._take(_BLOCK) != bytes(_BLOCK) or self._file.read(1):
            raise self._bad("bytes behind its end")

    def _entry(self, header: bytes) -> tarfile.TarInfo:
        try:
            entry = tarfile.TarInfo.frombuf(header, "utf-8", "strict")
        except (tarfile.HeaderError, ValueError) as error:
            raise self._bad(f"no header of a tar file ({error})") from None
        if not entry.isreg():
            raise self._bad(f"{entry.name!r} is no regular file; links, devices and folders are not read")
        if not _NAME.fullmatch(entry.name):
            raise self._bad(f"{entry.name!r} is no name of a file in an archive of ours")
        if entry.size < 0 or _header(entry.name, entry.size) != header:
            raise self._bad(f"the header of {entry.name!r} is not as `bench pack` writes it")
        return entry

    def _file_of(self, entry: tarfile.TarInfo, folder: Path) -> PackedFile:
        target, digest = folder / entry.name, hashlib.sha256()
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with open(target, "xb") as file:
                for part in self._sized(entry):
                    digest.update(part)
                    file.write(part)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise self._bad(f"{entry.name!r} is a file and a folder at once, or there twice") from None
        if any(self._take(-entry.size % _BLOCK)):
            raise self._bad(f"bytes behind the end of {entry.name!r}")
        return PackedFile(name=entry.name, sha256=digest.hexdigest(), size=entry.size)

    def _sized(self, entry: tarfile.TarInfo) -> Iterator[bytes]:
        left = entry.size
        while left:
            part = self._take(min(left, _CHUNK))
            left -= len(part)
            yield part

    def _take(self, count: int) -> bytes:
        part = self._file.read(count)
        if len(part) < count:
            raise self._bad("ends too early: cut off, or no archive at all")
        self._heard(part)
        return part

    def _bad(self, what: str) -> BadArchive:
        return BadArchive(f"{self._path}: {what}. It was not written by `bench pack`, or changed since.")
