"""Small files of the system (`/proc`, `/sys`), read under a root of choice; what cannot be read has a reason."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

_LIMIT = 4 << 20
# Asked for at once: of `/proc/sys` the kernel has room for a whole question, and refuses one of megabytes.
_PIECE = 64 << 10
_DIGITS = re.compile(r"(\d{1,18})")
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_SPAN = re.compile(r"(\d{1,6})(?:-(\d{1,6}))?", re.ASCII)

# The same in all containers of a host, and another one after each start.
BOOT_ID = "proc/sys/kernel/random/boot_id"


class Files:
    """Reads below `root`; paths are relative to it. Nothing here raises for what is not there."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    def raw(self, path: str) -> bytes | None:
        """The content, at most 4 MiB of it."""
        with contextlib.suppress(OSError, ValueError):
            return self._read(path)
        return None

    def text(self, path: str) -> str | None:
        """The content without zero bytes and blank ends; None where there is none."""
        content = self.raw(path)
        return None if content is None else content.decode("utf-8", "replace").replace("\0", " ").strip() or None

    def number(self, path: str) -> int | None:
        """A whole number from zero on, of at most 18 digits: more is no counter of any kernel."""
        text = self.text(path) or ""
        return int(text) if _NUMBER.fullmatch(text) else None

    def names(self, pattern: str) -> list[str]:
        """Paths that match, in the order of the numbers in them."""
        with contextlib.suppress(OSError, ValueError):
            found = [str(path.relative_to(self.root)) for path in self.root.glob(pattern)]
            return sorted(found, key=_natural)
        return []

    def why(self, path: str) -> str:
        """Why a file gave nothing, as half a sentence."""
        shown = f"/{path}"
        try:
            content = self._read(path)
        except FileNotFoundError:
            return f"{shown} is not there"
        except OSError as error:
            return f"{shown} cannot be read: {error.strerror or error}"
        return f"{shown} is empty" if not content.strip() else f"{shown} holds nothing that is known"

    def _read(self, path: str) -> bytes:
        """At most `_LIMIT` bytes, in pieces. Raises OSError or ValueError."""
        with open(f"{self.root}/{path}", "rb", buffering=0) as file:
            content = b""
            while len(content) < _LIMIT and (piece := file.read(min(_PIECE, _LIMIT - len(content)))):
                content += piece
        return content


def spans(text: str | None) -> list[int]:
    """The numbers of a list as the kernel writes them: `0-3,8` is 0, 1, 2, 3, 8; nothing where it is no such list."""
    found: list[int] = []
    for part in (text or "").split(","):
        span = _SPAN.fullmatch(part.strip())
        if span is None:
            return []
        found += range(int(span[1]), int(span[2] or span[1]) + 1)
    return found


def _natural(path: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(path)]
