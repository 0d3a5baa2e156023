"""What `bench host tune --apply` changed, on disk before it is changed: a kill that nobody can catch is undone later.

The note lies in `/run`, which is empty after a boot, as the settings are; one holder at a time has its lock, which the
kernel takes back when the holder dies.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.hardware.files import BOOT_ID, Files
from bench.records.untrusted import BadFile, read_json
from bench.store.files import locked, write_record

_FOLDER = "run/inference-bench"
_NOTE, _LOCK = f"{_FOLDER}/tuned.json", f"{_FOLDER}/lock"
# All that we ever change: what else a note says is not followed.
_KNOB = re.compile(r"sys/devices/system/cpu/cpu\d+/cpufreq/scaling_governor", re.ASCII)


class CannotTune(ValueError):
    """A setting that could not be changed; one line with the file and what to do."""


class TunedNow(CannotTune):
    """Another process holds this machine's settings changed at the moment."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the system whose word is changed; `path` is relative to the root."""

    knob: str
    path: str
    before: str
    after: str


class _Note(msgspec.Struct, frozen=True, kw_only=True):
    boot: str | None
    changes: tuple[Change, ...]


class Restored(msgspec.Struct, frozen=True, kw_only=True):
    """What of a leftover was put back, and what somebody has set to another word since, which is left alone."""

    put_back: tuple[Change, ...] = ()
    left: tuple[Change, ...] = ()


@contextlib.contextmanager
def held(files: Files) -> Iterator[None]:
    """Be the only one here who changes settings. Raises TunedNow, or CannotTune where nothing can be noted down."""
    path = files.root / _LOCK
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise CannotTune(
            f"/{_FOLDER} cannot be written to ({error.strerror or error}), where what is changed is noted down first; "
            "this takes the rights of root."
        ) from None
    try:
        if not locked(handle):
            raise TunedNow("another `bench host tune --apply` is at work on this machine; wait for its end.")
        yield
    finally:
        os.close(handle)


def note_down(files: Files, changes: tuple[Change, ...]) -> None:
    """On disk, before any of it is done. Raises CannotTune."""
    boot = files.text(BOOT_ID)
    try:
        write_record(files.root / _NOTE, _Note(boot=boot, changes=changes))
    except OSError as error:
        raise CannotTune(f"/{_NOTE} cannot be written: {error.strerror or error}; nothing was changed.") from None


def forget(files: Files) -> None:
    """All is as it was before."""
    (files.root / _NOTE).unlink(missing_ok=True)


def leftover(files: Files) -> tuple[Change, ...]:
    """What one that was killed left changed, in the order in which it was done; nothing of an earlier boot.

    Raises CannotTune for a note that is none.
    """
    path: Path = files.root / _NOTE
    if not path.exists():
        return ()
    try:
        note = read_json(path, _Note)
    except BadFile as error:
        raise CannotTune(f"{error}; look at the governors yourself, and delete the file.") from None
    if stray := [one.path for one in note.changes if not _KNOB.fullmatch(one.path)]:
        raise CannotTune(f"{path}: {stray[0]!r} is no setting of ours; nothing was put back. Delete the file.")
    return note.changes if note.boot == files.text(BOOT_ID) else ()


def undo_leftover(files: Files) -> Restored:
    """Put back what one that was killed left; nothing while its process lives. Raises CannotTune."""
    if not leftover(files):
        return Restored()
    with held(files):
        return restore(files)


def restore(files: Files) -> Restored:
    """Put back what was left changed, the last change first; only the holder may. Raises CannotTune, the note stays."""
    found, put_back, left = leftover(files), [], []
    for one in reversed(found):
        now = files.text(one.path)
        if now == one.after:
            write_word(files, one.path, one.before)
            put_back.append(one)
        elif now != one.before:  # that one was not yet changed, or is put back already
            left.append(one)
    forget(files)
    return Restored(put_back=tuple(put_back), left=tuple(left))


def write_word(files: Files, path: str, word: str) -> None:
    """Set it, and see that it is. Raises CannotTune."""
    try:
        with open(files.root / path, "r+") as file:
            file.write(f"{word}\n")
    except OSError as error:
        raise CannotTune(
            f"/{path} cannot be set to {word}: {error.strerror or error}; this takes the rights of root."
        ) from None
    if files.text(path) != word:
        raise CannotTune(f"/{path} was set to {word} and shows {files.text(path)}: the driver does not take it.")
