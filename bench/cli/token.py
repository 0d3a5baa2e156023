"""`bench run --token`: a testing service's token in place of a nonce."""

from __future__ import annotations

import datetime
from pathlib import Path

import click


def with_token(file: Path | None, nonce: str | None) -> dict[str, str | None]:
    """The fields of a plan that a token, or a nonce of one's own, brings. Raises BadFile or UsageError."""
    if file is None:
        return {"nonce": nonce.lower() if nonce is not None else None, "token": None}
    from bench.records.registry import Token
    from bench.records.untrusted import read_json

    if nonce is not None:
        raise click.UsageError("`--token` brings a nonce; it does not go with `--nonce`.")
    token = read_json(file, Token)
    if token.expires_on < datetime.datetime.now(datetime.UTC).date():
        raise click.UsageError(f"{file}: the token was good until {token.expires_on}; ask for another one.")
    return {"nonce": token.nonce, "token": token.token}
