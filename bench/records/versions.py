"""Loading of kept records of every schema version so far, by raising older ones step by step to the current one.

An upgrade takes the plain decoded object of version n and returns the one of version n + 1.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, TypeVar  # Any: plain JSON before validation

import msgspec

from bench.records.record import SCHEMA, Record, Run, Trial
from bench.records.untrusted import BadFile, read_object

Kept = TypeVar("Kept", Run, Record, Trial)
UPGRADES: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}


def load(path: Path, kind: type[Kept], without: Collection[str] = ()) -> Kept:
    """Read a `run.json`, `record.json` or `trial.json` of any known version. Raises BadFile.

    Fields that are named `without` keep their default: nine tenths of a record are its sketch.
    """
    plain = read_object(path, without)
    version = plain.get("schema")
    if not isinstance(version, int) or not 1 <= version <= SCHEMA:
        raise BadFile(f"{path}: schema version is {version!r}; this program knows 1 to {SCHEMA}: a newer one wrote it?")
    for step in range(version, SCHEMA):
        plain = UPGRADES[step](plain) | {"schema": step + 1}
    try:
        return msgspec.convert(plain, kind)
    except msgspec.ValidationError as error:
        raise BadFile(f"{path}: {error}") from None
