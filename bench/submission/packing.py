"""From the folder of a run to one archive: the same run, redacted alike, gives the same bytes."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO

import msgspec

from bench.records.submission import Manifest, Obstacle, PackedFile, Redacted
from bench.store.journal import JOURNAL, read_journal
from bench.store.runs import RunFolder
from bench.submission.archive import Source, described, write_archive
from bench.submission.claims import claims_of
from bench.submission.contents import ENVIRONMENT, MANIFEST, Contents, obstacles
from bench.submission.environment import environment
from bench.submission.redaction import Redaction

# In PEM and in OpenSSH's form a private key says so; it may have got into a log.
_PRIVATE_KEY = b"PRIVATE KEY-----"
_MOST_TEXT = 64 << 20


class NotPacked(ValueError):
    """A run that is not handed in as it is; `missing` says what it lacks."""

    def __init__(self, message: str, missing: tuple[Obstacle, ...] = ()) -> None:
        super().__init__(message)
        self.missing = missing


class Packed(msgspec.Struct, frozen=True, kw_only=True):
    """An archive that was written: its SHA-256, and the manifest in it."""

    sha256: str
    manifest: Manifest


def pack(folder: RunFolder, target: Path, redaction: Redaction) -> Packed:
    """Write the archive of a run to `target`. Raises NotPacked, BadArchive, BadFile, InUse or OSError."""
    with folder.held():
        contents = Contents(folder)
        missing = tuple(contents.missing())
        if missing:
            raise NotPacked(f"{folder.path}: not complete, nothing was packed.", missing)
        texts = _Texts(folder.path, redaction)
        sources = [texts.source(name) for name in contents.files()]
        sources.append(_held(ENVIRONMENT, _encoded(environment())))
        sources += _journal(folder, contents.run.plan.token)
        files = {source.name: described(source) for source in sources}
        manifest = _manifest(contents, files, texts.replaced)
        sources.append(_held(MANIFEST, _encoded(manifest)))
        files[MANIFEST] = described(sources[-1])
        return Packed(sha256=write_archive(target, sources, files), manifest=manifest)


def _journal(folder: RunFolder, token: str | None) -> Iterator[Source]:
    """The journal of the results directory: every run that was started there, this one and others."""
    file = folder.results / JOURNAL
    if file.is_file():
        yield _held(JOURNAL, read_journal(file))
    elif token is not None:
        raise NotPacked(
            f"{file}: there is no journal of started runs, and a run with a token is handed in with it; "
            "pack the run where it was measured."
        )


def _manifest(contents: Contents, files: dict[str, PackedFile], replaced: dict[str, dict[Redacted, int]]) -> Manifest:
    run, records = contents.run, contents.records
    return Manifest(
        suite_version=run.suite_version,
        run_id=run.run_id,
        files=tuple(files[name] for name in sorted(files)),
        claims=claims_of(run, list(records.values())),
        not_admissible=tuple(obstacles(run, records)),
        redacted=replaced,
    )


class _Texts:
    """Files of a run as they are packed: texts redacted and without private keys, the rest as it is."""

    def __init__(self, folder: Path, redaction: Redaction) -> None:
        self._folder, self._redaction = folder, redaction
        self.replaced: dict[str, dict[Redacted, int]] = {}

    def source(self, name: str) -> Source:
        file = self._folder / name
        if file.suffix not in (".json", ".log", ".txt"):
            return Source(name=name, open=partial(opened, file))
        return Source(name=name, open=partial(self._text, name, file))

    def _text(self, name: str, file: Path) -> BinaryIO:
        if file.stat().st_size > _MOST_TEXT:
            raise NotPacked(f"{file}: a text of more than {_MOST_TEXT} bytes; shorten it and pack again.")
        content, counts = file.read_bytes(), Counter[Redacted]()
        if _PRIVATE_KEY in content:
            raise NotPacked(f"{file}: holds a private key; take it out, and do not use that key any more.")
        # What LoadGen wrote looks like JSON and is none.
        change = self._redaction.document if file.suffix == ".json" and file.parent.name != "loadgen" else None
        content = (change or self._redaction.log)(content, counts) if self._redaction.kinds else content
        if counts.total():
            self.replaced[name] = {kind: counts[kind] for kind in sorted(counts) if counts[kind]}
        return io.BytesIO(content)


def opened(file: Path) -> BinaryIO:
    """A file's bytes. Raises OSError."""
    return open(file, "rb")


def _held(name: str, content: bytes) -> Source:
    opened: Callable[[], BinaryIO] = partial(io.BytesIO, content)
    return Source(name=name, open=opened)


def _encoded(value: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"
