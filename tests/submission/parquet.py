"""Parquet as nobody's library writes it: every length, count and type as the caller says. Thrift's compact protocol by
hand, so that it can lie.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path
from typing import Any

MAGIC = b"PAR1"
# A value of the protocol: (type, content).
Value = tuple[int, Any]
I32, I64, BINARY, LIST, STRUCT = 5, 6, 8, 9, 12
INT32, INT64, BYTE_ARRAY = 1, 2, 6
PLAIN, RLE, PLAIN_DICTIONARY = 0, 3, 2
UNCOMPRESSED, GZIP = 0, 2
DATA_PAGE, DICTIONARY_PAGE = 0, 2


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def zigzag(number: int) -> bytes:
    return varint((number << 1) ^ (number >> 63))


def struct_of(fields: dict[int, Value]) -> bytes:
    """A struct of Thrift's compact protocol, fields by number."""
    out, last = bytearray(), 0
    for number, (kind, content) in sorted(fields.items()):
        out += bytes([(number - last) << 4 | kind])
        out += encoded(kind, content)
        last = number
    return bytes([*out, 0])


def encoded(kind: int, content: Any) -> bytes:
    if kind in (I32, I64):
        return zigzag(content)
    if kind == BINARY:
        return varint(len(content)) + content
    if kind == STRUCT:
        return content if isinstance(content, bytes) else struct_of(content)
    of, entries = content
    size = bytes([len(entries) << 4 | of]) if len(entries) < 15 else bytes([0xF0 | of]) + varint(len(entries))
    return size + b"".join(encoded(of, entry) for entry in entries)


def page(kind: int, body: bytes, values: int, claimed: int | None = None, codec: int = UNCOMPRESSED) -> bytes:
    """A page of `values` values; `claimed` is how large it says to be when unpacked."""
    packed = gzip.compress(body, 1) if codec == GZIP else body
    own: dict[int, Value] = {1: (I32, values), 2: (I32, PLAIN if kind == DICTIONARY_PAGE else PLAIN_DICTIONARY)}
    if kind == DATA_PAGE:
        own |= {3: (I32, RLE), 4: (I32, RLE)}
    header: dict[int, Value] = {
        1: (I32, kind),
        2: (I32, len(body) if claimed is None else claimed),
        3: (I32, len(packed)),
        (7 if kind == DICTIONARY_PAGE else 5): (STRUCT, own),
    }
    return struct_of(header) + packed


def runs(values: int, width: int = 1) -> bytes:
    """One run of `values` times entry 0 of the dictionary: a few bytes, whatever it says."""
    return bytes([width]) + varint(values << 1) + bytes(1)


def write(
    file: Path,
    pages: bytes,
    rows: int,
    names: tuple[str, ...] = ("started",),
    kind: int = INT64,
    codec: int = UNCOMPRESSED,
    notes: dict[str, str] | None = None,
    depth: int = 0,
    values: int | None = None,
) -> Path:
    """A file whose columns all have the same `pages`; `depth` groups lie around the columns."""
    told = {"schema": "1", "rows": str(rows), **(notes or {})}
    leaves = [struct_of({1: (I32, kind), 3: (I32, 0), 4: (BINARY, name.encode())}) for name in names]
    groups = [struct_of({3: (I32, 0), 4: (BINARY, b"g"), 5: (I32, 1)}) for _ in range(depth)]
    root = struct_of({4: (BINARY, b"root"), 5: (I32, 1 if depth else len(names))})
    column = {
        1: (I32, kind),
        2: (LIST, (I32, [PLAIN_DICTIONARY, RLE])),
        3: (LIST, (BINARY, [b"g"] * depth + [names[0].encode()])),
        4: (I32, codec),
        5: (I64, rows if values is None else values),
        6: (I64, len(pages)),
        7: (I64, len(pages)),
        9: (I64, 4 + _dictionary_length(pages)),
        11: (I64, 4),
    }
    chunks = [
        struct_of({2: (I64, 4), 3: (STRUCT, column | {3: (LIST, (BINARY, [b"g"] * depth + [name.encode()]))})})
        for name in names
    ]
    group = struct_of({1: (LIST, (STRUCT, chunks)), 2: (I64, len(pages)), 3: (I64, rows)})
    pairs = [struct_of({1: (BINARY, key.encode()), 2: (BINARY, value.encode())}) for key, value in told.items()]
    footer = struct_of(
        {
            1: (I32, 1),
            2: (LIST, (STRUCT, [root, *groups, *leaves])),
            3: (I64, rows),
            4: (LIST, (STRUCT, [group])),
            5: (LIST, (STRUCT, pairs)),
        }
    )
    file.write_bytes(MAGIC + pages + footer + struct.pack("<I", len(footer)) + MAGIC)
    return file


def dictionary(value: int = 5, **more: Any) -> bytes:
    return page(DICTIONARY_PAGE, struct.pack("<q", value), 1, **more)


def _dictionary_length(pages: bytes) -> int:
    """Where the first data page begins; a single dictionary page of `dictionary` comes first."""
    return len(dictionary()) if pages.startswith(dictionary()[:4]) else 0
