"""A download that is not whole: its bytes so far and which file of the server's they are from, beside its target."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from bench.download.http import Origin
from bench.download.wanted import BadDownload
from bench.records.untrusted import BadFile, read_json
from bench.store.files import locked, settle, write_record


class Part:
    """Named after the checksum, so that bytes are never taken for those of another file; one process at a time."""

    def __init__(self, target: Path, sha256: str) -> None:
        self._target = target
        self.path = target.with_name(f".{sha256[:32]}.part")
        self._notes = target.with_name(f".{sha256[:32]}.part.json")
        self._handle = -1

    @contextlib.contextmanager
    def held(self) -> Iterator[Part]:
        """Open it, and keep other processes out. Raises BadDownload where one is at work on it."""
        self._handle = self._opened()
        try:
            yield self
        finally:
            os.close(self._handle)

    @property
    def size(self) -> int:
        return os.fstat(self._handle).st_size

    def origin(self) -> Origin | None:
        """Where its bytes are from; None where that is not known."""
        try:
            return read_json(self._notes, Origin)
        except BadFile:
            return None

    def begin(self, origin: Origin) -> None:
        """Start over with the file that `origin` says."""
        os.ftruncate(self._handle, 0)
        write_record(self._notes, origin)

    def append(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[os.write(self._handle, rest) :]

    def keep(self) -> None:
        """Make it the target, on the disk before it has the name."""
        settle(self.path, self._target)
        self._notes.unlink(missing_ok=True)

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def _opened(self) -> int:
        while True:
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            if not locked(handle):
                os.close(handle)
                raise BadDownload(f"{self._target}: another process is fetching it; wait for it or stop it.")
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), self.path.stat()):
                    return handle
            os.close(handle)  # whoever held it has just made it the target, or given it up
