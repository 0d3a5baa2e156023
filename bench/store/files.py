"""Atomic writing: a temporary name, sync, rename. A reader sees the old file or the whole new one."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import msgspec


def write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file beside `path`, sync it, and rename it to `path`."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(temporary)
        settle(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def settle(temporary: Path, path: Path) -> None:
    """Sync a finished file and rename it to `path` beside it: content reaches the disk before its name."""
    with open(temporary, "rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Atomic write of bytes."""
    write_atomically(path, lambda temporary: _write_plain(temporary, content))


def write_record(path: Path, record: msgspec.Struct, private: bool = False) -> None:
    """Atomic write of a record as indented JSON in a deterministic order; `private`: never readable for others."""
    text = msgspec.json.format(msgspec.json.encode(record, order="deterministic"), indent=1)
    write_atomically(path, lambda temporary: _write_plain(temporary, text + b"\n", private))


def locked(handle: int) -> bool:
    """Keep other processes from locking an open file or folder until it is closed; False where one has done so.

    A file system without locks says nothing, and is taken for free.
    """
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in (errno.EWOULDBLOCK, errno.EACCES)
    return True


def _write_plain(path: Path, content: bytes, private: bool = False) -> None:
    if private:
        path.touch(mode=0o600)
    path.write_bytes(content)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
