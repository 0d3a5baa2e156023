"""Content hashes of records (decisions: SHA-256 over msgspec's deterministic JSON), and seeds derived by hash."""

from __future__ import annotations

import hashlib

import msgspec
import numpy as np
from numpy.typing import NDArray


def record_hash(value: object) -> str:
    """`sha256:<hex>` of any value that msgspec can encode; the same for equal values on every machine."""
    return "sha256:" + hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()


def arrays_hash(arrays: dict[str, NDArray[np.generic]]) -> str:
    """`sha256:<hex>` over names, dtypes, shapes and bytes of arrays, in order of name."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name}:{array.dtype.str}:{array.shape};".encode())
        digest.update(array.data)
    return "sha256:" + digest.hexdigest()


def derive_seed(nonce: int | str, *path: str | int) -> int:
    """A 63-bit seed from SHA-256 of "nonce:path", parts joined by colons: no two uses of a nonce share a stream.

    The first eight bytes of the digest, little-endian, without their lowest bit. A nonce in hexadecimal digits goes in
    as it is written.
    """
    text = ":".join([str(nonce), *map(str, path)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little") >> 1
