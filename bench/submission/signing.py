"""Statements about an archive, signed: in-toto in DSSE envelopes, one a line in a file beside the archive.

The archive itself never changes by being signed, so that others can sign the very same bytes later.
"""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any  # Any: plain JSON

import msgspec

from bench.records.submission import Role, Signed, Statement, Subject
from bench.records.untrusted import BadFile, parse_json, read_bytes
from bench.store.files import write_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
_SUFFIX = ".intoto.jsonl"
_MOST_BYTES, _MOST_LINES = 1 << 20, 64


class _Signature(msgspec.Struct, frozen=True):
    keyid: str
    sig: str


class _Envelope(msgspec.Struct, frozen=True, rename={"payload_type": "payloadType"}):
    """DSSE's fields and their types, of which the library that reads them is not sure."""

    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


class Endorsement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement whose signature is good by the key `key_id`; None where no key that was given made it."""

    statement: Statement
    key_id: str | None


def signatures_file(archive: Path) -> Path:
    """Where the signatures of an archive lie."""
    return archive.with_name(archive.name + _SUFFIX)


def key_id(key: Ed25519PublicKey) -> str:
    """What a key is called in signatures."""
    from securesystemslib.signer import SSlibKey

    return str(SSlibKey.from_crypto(key).keyid)


def sign(archive: Path, sha256: str, run_id: str, role: Role, key: Ed25519PrivateKey) -> Statement:
    """Append a signed statement to the signatures of an archive. Raises BadFile or OSError."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner

    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    statement = Statement(
        subject=(Subject(name=archive.name, digest={"sha256": sha256}),),
        predicate=Signed(role=role, signed_at=now, run_id=run_id),
    )
    envelope = Envelope(msgspec.json.encode(statement, order="deterministic"), PAYLOAD_TYPE, {})
    envelope.sign(CryptoSigner(key))
    file = signatures_file(archive)
    before = read_bytes(file, _MOST_BYTES) if file.exists() else b""
    line = msgspec.json.encode(envelope.to_dict(), order="deterministic")
    write_bytes(file, before + line + b"\n")
    return statement


def endorsements(archive: Path, keys: dict[str, Ed25519PublicKey]) -> list[Endorsement]:
    """Every signature of an archive, checked with `keys`; none where there is no file. Raises BadFile."""
    file = signatures_file(archive)
    if not file.exists():
        return []
    lines = [line for line in read_bytes(file, _MOST_BYTES).splitlines() if line.strip()]
    if len(lines) > _MOST_LINES:
        raise BadFile(f"{file}: more than {_MOST_LINES} signatures")
    return [_endorsement(line, keys, f"{file}, line {number}") for number, line in enumerate(lines, 1)]


def _endorsement(line: bytes, keys: dict[str, Ed25519PublicKey], origin: str) -> Endorsement:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError, VerificationError
    from securesystemslib.signer import Key, SSlibKey

    plain: dict[str, Any] = msgspec.to_builtins(parse_json(line, _Envelope, origin))
    try:
        envelope = Envelope.from_dict(plain)
    except (KeyError, ValueError, TypeError, AttributeError, FormatError):
        raise BadFile(f"{origin}: not a DSSE envelope") from None
    if envelope.payload_type != PAYLOAD_TYPE:
        raise BadFile(f"{origin}: payload type {envelope.payload_type[:80]!r}, expected {PAYLOAD_TYPE!r}")
    statement = parse_json(envelope.payload, Statement, origin)
    known: list[Key] = [SSlibKey.from_crypto(key, keyid=name) for name, key in keys.items()]
    try:
        accepted = envelope.verify(known, 1) if known else {}
    except VerificationError:
        accepted = {}
    return Endorsement(statement=statement, key_id=next(iter(accepted), None))
