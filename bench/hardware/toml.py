"""A profile as TOML, in the order of its fields; Python reads TOML and does not write it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any  # plain values of a profile

import msgspec

from bench.records.profile import Profile

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def as_toml(profile: Profile, comment: str = "") -> str:
    """The text of a file that reads back as the same profile; `comment` stands above it."""
    head = [f"# {line}".rstrip() for line in comment.splitlines()]
    plain = {"schema": profile.schema, **msgspec.to_builtins(profile)}
    return "\n".join([*head, *_table(plain, "")]) + "\n"


def _table(plain: Mapping[str, Any], prefix: str) -> list[str]:
    """Values first, then tables, then lists of tables, as TOML must have it."""
    kept = {key: value for key, value in plain.items() if value not in (None, [], {}, ())}
    lines = [f"{_key(key)} = {_value(value)}" for key, value in kept.items() if not _is_nested(value)]
    for key, value in kept.items():
        path = f"{prefix}{_key(key)}"
        if isinstance(value, Mapping):
            lines += ["", f"[{path}]", *_table(value, f"{path}.")]
        elif _is_nested(value):
            for entry in value:
                lines += ["", f"[[{path}]]", *_table(entry, f"{path}.")]
    return lines


def _is_nested(value: Any) -> bool:
    """Whether it is a table, or a list of tables."""
    entries = value if isinstance(value, list | tuple) else [value]
    return all(isinstance(entry, Mapping) for entry in entries)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(entry) for entry in value)}]"
    return repr(value)


def _text(text: str) -> str:
    """JSON writes text as TOML reads it, but for one control character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
