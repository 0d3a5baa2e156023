"""Private keys: Ed25519, made encrypted, read from files that nobody else can read, and never written anywhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PASSPHRASE = "BENCH_KEY_PASSPHRASE"
_LEAST_PASSPHRASE = 12
_MOST_BYTES = 64 << 10


class BadKey(ValueError):
    """A key that cannot be used; one line with the file, what is wrong and what to do. Never holds a part of a key."""


def new_key(path: Path, passphrase: bytes) -> str:
    """Write a new private key to `path`, encrypted, mode 600, and its public half to `path`.pub; returns the latter.

    Raises BadKey where either is there already, or the passphrase is too short.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

    if len(passphrase) < _LEAST_PASSPHRASE:
        raise BadKey(f"A passphrase has at least {_LEAST_PASSPHRASE} bytes; this one has {len(passphrase)}.")
    key = Ed25519PrivateKey.generate()
    line = public_line(key.public_key())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(passphrase))
    public = path.with_name(path.name + ".pub")
    if public.exists():
        raise BadKey(f"{public}: is there already; keys are not overwritten.")
    _create(path, secret, 0o600)
    _create(public, f"{line}\n".encode(), 0o644)
    return line


def read_key(path: Path, passphrase: bytes | None) -> Ed25519PrivateKey:
    """The private key in `path`: PEM, or as OpenSSH writes it. Raises BadKey."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    content = read_secret(path)
    load = serialization.load_pem_private_key
    if b"OPENSSH PRIVATE KEY" in content:
        load = serialization.load_ssh_private_key
    try:
        key = load(content, passphrase)
    except TypeError:
        what = f"is encrypted: give its passphrase ({PASSPHRASE})" if passphrase is None else "is not encrypted"
        raise BadKey(f"{path}: the key {what}.") from None
    except ValueError:
        raise BadKey(f"{path}: no private key that can be read with this passphrase.") from None
    except UnsupportedAlgorithm as error:
        raise BadKey(f"{path}: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(f"{path}: not an Ed25519 key; `bench key new` makes one, and `ssh-keygen -t ed25519` does.")
    return key


def read_public(text: str, origin: str) -> Ed25519PublicKey:
    """A public key as OpenSSH's line or as PEM. Raises BadKey, with `origin` in front."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    load = serialization.load_pem_public_key if text.startswith("-----") else serialization.load_ssh_public_key
    try:
        key = load(text.encode())
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(f"{origin}: no public Ed25519 key, in PEM or as a line `ssh-ed25519 …`.")
    return key


def public_line(key: Ed25519PublicKey) -> str:
    """A public key as one line, as OpenSSH writes it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def passphrase_of(file: Path | None) -> bytes | None:
    """From a file that only its owner can read, else from the environment; None where neither says any.

    Raises BadKey.
    """
    if file is not None:
        return read_secret(file).rstrip(b"\r\n")
    value = os.environ.get(PASSPHRASE)
    return value.encode(errors="surrogateescape") if value else None


def read_secret(path: Path) -> bytes:
    """A file that nobody but its owner may read. Raises BadKey."""
    try:
        with open(path, "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise BadKey(f"{path}: not a regular file.")
            if mode & 0o077:
                raise BadKey(f"{path}: others may read it (mode {mode & 0o777:o}); `chmod 600 {path}` first.")
            content = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise BadKey(f"{path}: cannot be read: {error.strerror}.") from None
    if len(content) > _MOST_BYTES:
        raise BadKey(f"{path}: too large for a key.")
    return content


def _create(path: Path, content: bytes, mode: int) -> None:
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise BadKey(f"{path}: is there already; keys are not overwritten.") from None
    except OSError as error:
        raise BadKey(f"{path}: cannot be written: {error.strerror}.") from None
    with open(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(handle)
