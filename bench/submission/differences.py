"""Where two records of the same kind differ, by the path of the first field that does."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any  # Any: plain values

import msgspec

# Another version of numpy may sum in another order; a difference that anybody could use is larger.
_RELATIVE = 1e-9
_LONGEST = 60


def first_difference(computed: object, claimed: object) -> str | None:
    """The first field in which two structs (or sequences or mappings of such) differ, with both values; else None."""
    return next(_differences(msgspec.to_builtins(computed), msgspec.to_builtins(claimed), ""), None)


def _differences(computed: Any, claimed: Any, path: str) -> Iterator[str]:
    if isinstance(computed, dict) and isinstance(claimed, dict):
        for key in dict.fromkeys([*computed, *claimed]):
            yield from _differences(computed.get(key), claimed.get(key), f"{path}.{key}" if path else str(key))
    elif isinstance(computed, list | tuple) and isinstance(claimed, list | tuple):
        if len(computed) != len(claimed):
            yield f"{path}: {len(claimed)} entries, computed {len(computed)}"
        for place, (one, other) in enumerate(zip(computed, claimed, strict=False)):
            yield from _differences(one, other, f"{path}[{place}]")
    elif not _same(computed, claimed):
        yield f"{path}: {_short(claimed)}, computed {_short(computed)}"


def _same(one: Any, other: Any) -> bool:
    floats = isinstance(one, float) or isinstance(other, float)
    # What was computed may be a whole number where JSON brought a float.
    if floats and isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=_RELATIVE)
    return type(one) is type(other) and one == other


def _short(value: Any) -> str:
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
