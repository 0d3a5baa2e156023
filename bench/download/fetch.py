"""A file comes here: asked for, continued where it broke off, checked, and only then given its name."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.download.http import DownloadFailed, Interrupted, Reply, ask
from bench.download.part import Part
from bench.download.wanted import BadDownload, Wanted
from bench.store.places import cache_directory, ensure_writable
from bench.text.figures import size

TIMEOUT_S = 30
_TRIES = 5
_PAUSE_S = 1.0
_NAMES = {"sha256": "SHA-256", "md5": "MD5"}


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: bytes here, bytes in all where the server says, and the address that they come from."""

    done: int
    total: int | None
    url: str


Observer = Callable[[Step], None]


def cached_path(wanted: Wanted) -> Path:
    """Where in the cache a file lies; one folder per content, so that equal names do not meet. Raises BadDownload."""
    if not wanted.file_name:
        raise BadDownload(f"{wanted.url}: it does not say what the file is called; name it with `-o`.")
    return cache_directory() / "models" / wanted.sha256[:16] / wanted.file_name


def fetch(
    wanted: Wanted, target: Path, observe: Observer, timeout_s: float = TIMEOUT_S, pause_s: float = _PAUSE_S
) -> bool:
    """Have the file at `target`; False where it was there already. `timeout_s`: the longest silence of the server.

    Raises BadDownload for a target that is something else, CannotWrite, and DownloadFailed where the file does not
    come or is another one. What came of one that broke off stays beside the target, and the next call goes on with it.
    """
    if _is_there(wanted, target):
        return False
    ensure_writable(target.parent, "`-o` or BENCH_CACHE")
    with Part(target, wanted.sha256).held() as part:
        if _is_there(wanted, target):  # another process has brought it meanwhile
            part.discard()
            return False
        try:
            _receive(wanted.url, part, observe, timeout_s, pause_s)
            _check(wanted, part)
            part.keep()
        except DownloadFailed:
            if part.size == 0:
                part.discard()
            raise
        except OSError as error:
            raise DownloadFailed(
                f"{target}: cannot be written: {error.strerror or error}. What came is kept; the same command goes on."
            ) from None
    return True


def _is_there(wanted: Wanted, target: Path) -> bool:
    """Whether the file has been fetched before. Raises BadDownload for another one, which nobody allowed to replace."""
    try:
        if not target.exists():
            return False
        if not target.is_file():
            raise BadDownload(f"{target}: is no plain file; name the file to write.")
        found = _digest(target, "sha256")
    except OSError as error:
        raise BadDownload(f"{target}: cannot be looked at: {error.strerror}.") from None
    if found != wanted.sha256:
        raise BadDownload(
            f"{target}: is there already and is another file (SHA-256 {found}, asked for {wanted.sha256}); remove it, "
            "or name another place with `-o`."
        )
    return True


def _receive(url: str, part: Part, observe: Observer, timeout_s: float, pause_s: float) -> None:
    """Until the part is as long as the server says, taken up again where a connection breaks. Raises DownloadFailed."""
    for tried in range(1, _TRIES + 1):
        try:
            return _receive_once(url, part, observe, timeout_s)
        except Interrupted as interrupted:
            if tried == _TRIES:
                kept = f" {size(part.size)} are kept; the same command goes on." if part.size else ""
                raise DownloadFailed(f"{url}: {interrupted} ({_TRIES} tries).{kept}") from None
        except DownloadFailed as failed:
            raise DownloadFailed(f"{url}: {failed}") from None
        time.sleep(pause_s * tried)
    raise AssertionError("every try returns or raises")


def _receive_once(url: str, part: Part, observe: Observer, timeout_s: float) -> None:
    origin = part.origin()
    if origin is not None and part.size == origin.total:
        return
    reply = ask(url, part.size, origin, timeout_s) or ask(url, 0, None, timeout_s)
    assert reply is not None  # only the rest of a file can be refused so
    with reply.stream:
        if reply.start == 0:
            part.begin(reply.origin)
        _append(reply, part, observe)


def _append(reply: Reply, part: Part, observe: Observer) -> None:
    done, total = part.size, reply.origin.total
    _check_room(part.path.parent, (total or 0) - done)
    observe(Step(done=done, total=total, url=reply.url))
    for chunk in reply.chunks():
        part.append(chunk)
        done += len(chunk)
        observe(Step(done=done, total=total, url=reply.url))
    if total is not None and done != total:
        raise Interrupted(f"the connection ended after {size(done)} of {size(total)}")


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise DownloadFailed(f"{size(needed)} are still to come, and {folder} has {size(free)} free; make room.")


def _check(wanted: Wanted, part: Part) -> None:
    """Read from the disk, not from what came: a part may be older than this process. Raises DownloadFailed."""
    for kind, expected in (("sha256", wanted.sha256), ("md5", wanted.md5)):
        found = _digest(part.path, kind) if expected is not None else None
        if found != expected:
            part.discard()
            raise DownloadFailed(
                f"{wanted.url}: what came is another file: its {_NAMES[kind]} is {found}, expected {expected}. "
                "It was not kept."
            )


def _digest(path: Path, kind: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=kind != "md5")).hexdigest()
