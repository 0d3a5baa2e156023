"""Small JSON files that a run takes: a manifest of programs, a table of tiles."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from bench.backends.base import Unsupported

T = TypeVar("T")


def read_kept(path: Path, kind: type[T], most_bytes: int, what: str, written: str) -> T:
    """Decode a file. Raises Unsupported, one line, which calls it `what`, a noun without its article.

    `written` says who makes it, as the end of a sentence: "`bench opencl …` writes it".
    """
    try:
        if path.stat().st_size > most_bytes:
            raise Unsupported(f"{path} is larger than a {what} can be.")
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        raise Unsupported(f"{path} cannot be read ({error.strerror or error}); {written}.") from error
    except msgspec.MsgspecError as error:
        raise Unsupported(f"{path} is no {what}: {error}.") from error
