"""The keys that an evaluator trusts: a folder of small TOML files, one a person, best kept in version control."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from bench.records.submission import Role
from bench.records.untrusted import BadFile, read_toml
from bench.store.files import write_bytes
from bench.submission.keys import BadKey, read_public
from bench.submission.signing import key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class TrustedKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose key it is, in which roles it may sign, and from which day to which, both included.

    A revoked key is worth nothing, whenever it signed: whoever has it can write any day into a signature.
    """

    name: str
    public_key: str
    roles: tuple[Role, ...]
    valid_from: datetime.date
    valid_until: datetime.date
    revoked: datetime.date | None = None
    revoked_why: str = ""


class TrustedKeys:
    """A folder of trusted keys, by key id."""

    def __init__(self, folder: Path) -> None:
        """Read every `*.toml` in `folder`. Raises BadFile for one that is broken, or where there is none."""
        self.by_id: dict[str, TrustedKey] = {}
        for file in sorted(folder.glob("*.toml")):
            key = read_toml(file, TrustedKey)
            try:
                found = key_id(read_public(key.public_key, str(file)))
            except BadKey as error:
                raise BadFile(str(error)) from None
            if key.valid_until < key.valid_from:
                raise BadFile(f"{file}: valid until {key.valid_until}, before it is valid from {key.valid_from}")
            if found in self.by_id:
                raise BadFile(f"{file}: the key of {self.by_id[found].name!r}, which another file has already")
            self.by_id[found] = key
        if not self.by_id:
            raise BadFile(f"{folder}: no trusted key (*.toml) in it; `bench key trust` writes one")

    def public_keys(self) -> dict[str, Ed25519PublicKey]:
        """The keys themselves, by key id, revoked ones too: a signature by one of those is told as such."""
        return {found: read_public(key.public_key, key.name) for found, key in self.by_id.items()}


def write_trusted(file: Path, key: TrustedKey) -> None:
    """Write one entry of the folder. Raises OSError."""
    fields = {name: value for name, value in msgspec.structs.asdict(key).items() if value not in (None, "")}
    write_bytes(file, "".join(f"{name} = {_toml(value)}\n" for name, value in fields.items()).encode())


def _toml(value: str | tuple[str, ...] | datetime.date) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    # A JSON string, and an array of such, are TOML, too.
    return msgspec.json.encode(value).decode()
