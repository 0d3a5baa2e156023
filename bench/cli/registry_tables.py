"""What `bench registry list` and `show` print."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bench.cli.common import print_json

if TYPE_CHECKING:
    from bench.registry.standing import Standing


def print_list(standing: Standing, form: str, lang: str) -> None:
    """Submissions with their status, and tokens that are open."""
    from bench.text import name, sentence
    from bench.text.catalogue import printable

    open_ = [token for token in standing.tokens.values() if token.token not in standing.used]
    if form == "json":
        print_json(
            {
                "name": standing.name,
                "submissions": [
                    {"entry": one, "status": standing.status[key], "under_review": standing.under_review(key)}
                    for key, one in standing.submissions.items()
                ],
                # Their nonces are nobody's business before they are used.
                "open_tokens": [{"token": one.token, "issued_to": one.issued_to} for one in open_],
            }
        )
        return
    click.echo(printable(sentence(lang, "registry.title", name=standing.name, entries=len(standing.entries))))
    for key, one in standing.submissions.items():
        state = name(lang, "registry_status", standing.status[key])
        if standing.under_review(key):
            state += f", {name(lang, 'registry_status', 'under-review')}"
        kind = name(lang, "registry_standing", one.standing)
        click.echo(printable(f"{key}  {state}  {kind}  {one.submitter}  {one.run_id}"))
    for token in open_:
        said = sentence(lang, "registry.open_token", token=token.token, name=token.issued_to, day=token.expires_on)
        click.echo(printable(said))


def print_entries(standing: Standing, about: str, form: str, lang: str) -> bool:
    """Every entry that names `about`; False where there is none. The nonce of an open token is left out."""
    import msgspec

    from bench.text import name
    from bench.text.catalogue import printable

    found = []
    for entry in standing.entries:
        plain = msgspec.to_builtins(entry.what)
        if about in (plain.get(key) for key in ("submission", "token", "appeal", "run_id", "archive_sha256")):
            if plain["kind"] == "token" and plain["token"] not in standing.used:
                del plain["nonce"]
            found.append({"number": entry.number, "at": entry.at.isoformat(), **plain})
    if form == "json":
        print_json(found)
        return bool(found)
    for one in found:
        rest = "  ".join(f"{key}={_short(value)}" for key, value in one.items() if key not in ("number", "at", "kind"))
        click.echo(printable(f"{one['number']}  {one['at']}  {name(lang, 'registry_entry', one['kind'])}  {rest}"))
    return bool(found)


def _short(value: object) -> str:
    import msgspec

    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
