"""Which fields may stand where a file has an unknown one, and which of them was probably meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from typing import Any  # Any: a JSON schema

import msgspec

Schema = dict[str, Any]

_UNKNOWN_FIELD = re.compile(r"unknown field `([^`]*)`(?: - at `\$([^`]*)`)?")
_STEP = re.compile(r"\.([^.\[]+)|\[[^\]]*\]")
_REF = "#/$defs/"


def meant(message: str, kind: type[Any]) -> str:
    """For msgspec's message on an unknown field of `kind` the known one that is nearest, as the end of a message."""
    unknown = _UNKNOWN_FIELD.search(message)
    if unknown is None:
        return ""
    (root,), parts = msgspec.json.schema_components([kind], ref_template=f"{_REF}{{name}}")
    at = list(_objects(root, parts))
    for step in _STEP.finditer(unknown[2] or ""):
        at = [found for one in at for inner in _inside(one, step[1]) for found in _objects(inner, parts)]
    names = sorted({name for one in at for name in one.get("properties", {})})
    near = difflib.get_close_matches(unknown[1], names, n=1)
    return f". Did you mean `{near[0]}`?" if near else f". Known: {', '.join(names)}"


def _objects(schema: Schema, parts: dict[str, Any]) -> Iterator[Schema]:
    """What a schema stands for: itself, what it refers to, or each that it may be."""
    if "$ref" in schema:
        yield from _objects(parts[schema["$ref"].removeprefix(_REF)], parts)
    elif "anyOf" in schema:
        for one in schema["anyOf"]:
            yield from _objects(one, parts)
    else:
        yield schema


def _inside(schema: Schema, field: str | None) -> Iterator[Schema]:
    """The schemas of a field, or of whatever stands in a list or under any key."""
    if field is not None:
        found = [schema.get("properties", {}).get(field)]
    else:
        found = [schema.get("items"), schema.get("additionalProperties"), *schema.get("prefixItems", ())]
    yield from (one for one in found if isinstance(one, dict))
