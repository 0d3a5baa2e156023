"""JSON Schemas of everything that is kept or read, published under `docs/schema/`.

`python -m bench.records.schema docs/schema` writes them; a test says when they are out of date.
"""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from bench.records.comparison import Comparison
from bench.records.fleet import Fleet
from bench.records.inspection import Inspection
from bench.records.listing import Listing
from bench.records.pairs import Pairs
from bench.records.plan import RunPlan
from bench.records.policy import Policy
from bench.records.record import Record, Run, Trial
from bench.records.submission import Manifest, Statement, Verification

PUBLISHED: dict[str, type[msgspec.Struct]] = {
    "plan": RunPlan,
    "run": Run,
    "record": Record,
    "trial": Trial,
    "manifest": Manifest,
    "statement": Statement,
    "verification": Verification,
    "policy": Policy,
    "listing": Listing,
    "inspection": Inspection,
    "comparison": Comparison,
    "pairs": Pairs,
    "fleet": Fleet,
}


def schema_text(kind: type[msgspec.Struct]) -> str:
    """The JSON Schema (2020-12) of one kind of record, indented, keys in a stable order."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(kind)}
    return msgspec.json.format(msgspec.json.encode(schema, order="deterministic"), indent=1).decode() + "\n"


def write_schemas(folder: Path) -> None:
    """Write `<name>.json` for each published record into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in PUBLISHED.items():
        (folder / f"{name}.json").write_text(schema_text(kind))


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
