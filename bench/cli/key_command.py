"""`bench key`: keys that sign archives, and the folder of those that an evaluator trusts."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bench.cli import exit_codes
from bench.cli.common import lang_option, logging_options
from bench.cli.forms import Listed, listing_option, tell
from bench.cli.signing import passphrase_option, sign_archive
from bench.records.submission import ROLES, Role

if TYPE_CHECKING:
    from bench.submission.trusted import TrustedKey

_FILE = click.Path(dir_okay=False, path_type=Path)
_DATE = click.DateTime(["%Y-%m-%d"])


@click.group("key")
def command() -> None:
    """Ed25519 keys. A private key stays in its file: it is never packed, logged or printed."""


@command.command("new")
@click.argument("file", type=_FILE)
@passphrase_option
@logging_options
def new(file: Path, passphrase_file: Path | None) -> int:
    """Write a new key to FILE, encrypted with the passphrase, and its public half to FILE.pub."""
    from bench.submission.keys import PASSPHRASE, new_key, passphrase_of

    passphrase = passphrase_of(passphrase_file)
    if passphrase is None:
        raise click.UsageError(f"A key is kept encrypted: give a passphrase, `--passphrase-file` or {PASSPHRASE}.")
    click.echo(new_key(file, passphrase))
    return exit_codes.OK


@command.command("trust")
@click.argument("public", type=_FILE)
@click.option("--name", required=True, help="Whose key it is.")
@click.option("--role", "roles", type=click.Choice(ROLES), multiple=True, required=True, help="May be repeated.")
@click.option("--from", "since", type=_DATE, help="First day [default: today].")
@click.option("--until", type=_DATE, required=True, help="Last day.")
@click.option(
    "-o", "--output", "target", type=_FILE, required=True, metavar="FILE", help="Such as trusted_keys/li.toml."
)
@logging_options
def trust(
    public: Path,
    name: str,
    roles: tuple[Role, ...],
    since: datetime.datetime | None,
    until: datetime.datetime,
    target: Path,
) -> int:
    """Write FILE for the folder of trusted keys: whose the public key in PUBLIC is, its roles and its time."""
    from bench.submission.keys import public_line, read_public
    from bench.submission.trusted import TrustedKey, write_trusted

    if target.exists():
        raise click.UsageError(f"{target} is there already; edit it, or choose another name.")
    key = TrustedKey(
        name=name,
        public_key=public_line(read_public(_text(public), str(public))),
        roles=tuple(dict.fromkeys(roles)),
        valid_from=(since or datetime.datetime.now(datetime.UTC)).date(),
        valid_until=until.date(),
    )
    return _written(target, key, write_trusted)


@command.command("list")
@click.argument("trusted", type=click.Path(file_okay=False, path_type=Path), metavar="DIR")
@listing_option
@lang_option
@logging_options
def list_(trusted: Path, form: str, lang: str) -> int:
    """The keys that the folder DIR trusts: whose, in which roles, from when to when, and which were revoked."""
    from bench.submission.trusted import TrustedKeys

    keys = TrustedKeys(trusted).by_id
    rows = [
        (found, one.name, " ".join(one.roles), one.valid_from, one.valid_until, one.revoked, one.revoked_why)
        for found, one in keys.items()
    ]
    columns = ("key_id", "name", "roles", "valid_from", "valid_until", "revoked", "why")
    tell(form, Listed(keys, columns, rows), lang)
    return exit_codes.OK


@command.command("revoke")
@click.argument("file", type=_FILE)
@click.option("--why", required=True, help="For whoever reads it later.")
@logging_options
def revoke(file: Path, why: str) -> int:
    """Revoke the key of FILE, from the folder of trusted keys: whatever it signed is worth nothing any more."""
    import msgspec

    from bench.records.untrusted import read_toml
    from bench.submission.trusted import TrustedKey, write_trusted

    key = read_toml(file, TrustedKey)
    today = datetime.datetime.now(datetime.UTC).date()
    return _written(file, msgspec.structs.replace(key, revoked=key.revoked or today, revoked_why=why), write_trusted)


@command.command("sign")
@click.argument("archive", type=_FILE)
@click.option("--role", type=click.Choice(ROLES), required=True, help="As whom.")
@click.option("--key", type=_FILE, required=True, metavar="FILE", help="`bench key new`, or OpenSSH's Ed25519.")
@passphrase_option
@logging_options
def sign(archive: Path, role: Role, key: Path, passphrase_file: Path | None) -> int:
    """Sign ARCHIVE as submitter (提交), inspector (主检), reviewer (审核) or approver (批准); nothing is verified."""
    import tempfile

    from bench.submission.archive import unpack
    from bench.submission.opening import read_manifest

    with tempfile.TemporaryDirectory(prefix="bench-sign-") as folder:
        unpacked = unpack(archive, Path(folder))
        manifest = read_manifest(Path(folder))
    sign_archive(archive, unpacked.sha256, manifest.run_id, role, key, passphrase_file)
    return exit_codes.OK


def _written(file: Path, key: TrustedKey, write: Callable[[Path, TrustedKey], None]) -> int:
    write(file.absolute(), key)
    click.echo(str(file))
    return exit_codes.OK


def _text(file: Path) -> str:
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            return opened.read(1 << 16)
    except OSError as error:
        raise click.UsageError(f"{file} cannot be read: {error.strerror}.") from None
