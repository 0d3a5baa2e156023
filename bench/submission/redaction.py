"""Taking names of hosts, serial numbers and paths out of the texts of a run, and counting what was taken out.

Equal texts are replaced by equal words, so that what is compared by a verification stays comparable.
"""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Collection
from typing import Any  # Any: plain JSON

import msgspec

from bench.records.submission import Redacted

# An absolute path of two parts or more; "1/s" and "a/b" are none.
_PATH = re.compile(r"(?<![\w./~-])~?(?:/[\w.@+~%-]+){2,}/?")
_SERIAL_KEYS = frozenset({"serial", "serials", "uuid", "mac_address", "asset_tag"})
_LEAST_HOST_NAME = 3  # shorter ones are parts of words


class Redaction:
    """Replaces what `kinds` names; `counts` says how often, by kind."""

    def __init__(self, kinds: Collection[Redacted], host_names: Collection[str] | None = None) -> None:
        self.kinds = frozenset(kinds)
        names = own_names() if host_names is None else host_names
        longest_first = sorted({name for name in names if len(name) >= _LEAST_HOST_NAME}, key=len, reverse=True)
        words = "|".join(re.escape(name) for name in longest_first)
        self._hosts = re.compile(rf"(?<![\w-])(?:{words})(?![\w-])") if words else None

    def text(self, text: str, counts: Counter[Redacted]) -> str:
        """`text` without paths and host names."""
        if "paths" in self.kinds:
            text, count = _PATH.subn("[path]", text)
            counts["paths"] += count
        if "hosts" in self.kinds and self._hosts is not None:
            text, count = self._hosts.subn("[host]", text)
            counts["hosts"] += count
        return text

    def document(self, content: bytes, counts: Counter[Redacted]) -> bytes:
        """A JSON document with its texts replaced; keys stay. Written as records are."""
        plain = self._value(msgspec.json.decode(content), counts)
        if not counts.total():
            return content
        return msgspec.json.format(msgspec.json.encode(plain, order="deterministic"), indent=1) + b"\n"

    def log(self, content: bytes, counts: Counter[Redacted]) -> bytes:
        """A log, line by line; what is no UTF-8 is replaced, too."""
        return self.text(content.decode(errors="replace"), counts).encode() if self.kinds else content

    def _value(self, value: Any, counts: Counter[Redacted]) -> Any:
        if isinstance(value, str):
            return self.text(value, counts)
        if isinstance(value, list):
            return [self._value(entry, counts) for entry in value]
        if isinstance(value, dict):
            return {key: self._named(key, entry, counts) for key, entry in value.items()}
        return value

    def _named(self, key: str, value: Any, counts: Counter[Redacted]) -> Any:
        if "serials" not in self.kinds or key not in _SERIAL_KEYS:
            return self._value(value, counts)
        return _without_serials(value, counts)


def own_names() -> set[str]:
    """The names that this machine goes by."""
    name = socket.gethostname()
    return {name, name.partition(".")[0], socket.getfqdn()} - {"localhost"}


def _without_serials(value: Any, counts: Counter[Redacted]) -> Any:
    """Every text in `value` replaced, whatever its form."""
    if isinstance(value, dict):
        return {key: _without_serials(entry, counts) for key, entry in value.items()}
    if isinstance(value, list):
        return [_without_serials(entry, counts) for entry in value]
    if isinstance(value, str) and value:
        counts["serials"] += 1
        return "[serial]"
    return value
