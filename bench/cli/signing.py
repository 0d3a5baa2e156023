"""The flags of commands that sign, and signing itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from bench.records.submission import Role
    from bench.submission.trusted import TrustedKeys

P = ParamSpec("P")
R = TypeVar("R")

passphrase_option = click.option(
    "--passphrase-file",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Holds the key's passphrase, readable for its owner alone [default: BENCH_KEY_PASSPHRASE].",
)


def key_options(function: Callable[P, R]) -> Callable[P, R]:
    """Add `--key` and `--passphrase-file`."""
    key = click.option(
        "--key",
        type=click.Path(dir_okay=False, path_type=Path),
        metavar="FILE",
        help="Sign with this private key: `bench key new`, or OpenSSH's Ed25519.",
    )
    return key(passphrase_option(function))


trusted_option = click.option(
    "--trusted", type=click.Path(file_okay=False, path_type=Path), metavar="DIR", help="Keys that are trusted, as TOML."
)


def trusted_keys(folder: Path | None) -> TrustedKeys | None:
    """The keys that `--trusted` names. Raises click's UsageError where there is no such folder."""
    from bench.submission.trusted import TrustedKeys

    if folder is None:
        return None
    if not folder.is_dir():
        raise click.UsageError(f"`--trusted {folder}`: there is no such folder.")
    return TrustedKeys(folder)


def sign_archive(archive: Path, sha256: str, run_id: str, role: Role, key: Path, passphrase_file: Path | None) -> None:
    """Sign an archive beside it, and say so. Raises BadKey or BadFile."""
    from bench.submission.keys import passphrase_of, read_key
    from bench.submission.signing import key_id, sign, signatures_file

    private = read_key(key, passphrase_of(passphrase_file))
    sign(archive, sha256, run_id, role, private)
    click.echo(f"{signatures_file(archive)}  {role}  key {key_id(private.public_key())[:16]}", err=True)
