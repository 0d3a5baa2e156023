"""What `bench registry list` and `show` print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final  # Any: the fields of an entry, whatever its kind

from bench.cli.forms import Listed, print_lines, tell

if TYPE_CHECKING:
    from bench.records.registry import Issued
    from bench.registry.standing import Standing
    from bench.text.tabular import Cell

_LISTED: Final = ("kind", "name", "status", "under_review", "standing", "submitter", "run_id", "expires_on")
_ENTRY: Final = ("number", "started_at", "kind", "fact", "value")


def print_list(standing: Standing, form: str, lang: str) -> None:
    """Submissions with their status, and tokens that are open."""
    open_ = [token for token in standing.tokens.values() if token.token not in standing.used]
    whole = {
        "name": standing.name,
        "submissions": [
            {"entry": one, "status": standing.status[key], "under_review": standing.under_review(key)}
            for key, one in standing.submissions.items()
        ],
        # Their nonces are nobody's business before they are used.
        "open_tokens": [{"token": one.token, "issued_to": one.issued_to} for one in open_],
    }
    rows: list[tuple[Cell, ...]] = [
        (
            "submission",
            key,
            standing.status[key],
            standing.under_review(key),
            one.standing,
            one.submitter,
            one.run_id,
            None,
        )
        for key, one in standing.submissions.items()
    ]
    rows += [("token", one.token, "open", None, None, one.issued_to, None, one.expires_on) for one in open_]
    tell(form, Listed(whole, _LISTED, rows), lang, lambda: print_lines(_lines(standing, open_, lang)))


def _lines(standing: Standing, open_: list[Issued], lang: str) -> Iterator[str]:
    from bench.text import name, sentence

    yield sentence(lang, "registry.title", name=standing.name, entries=len(standing.entries))
    for key, one in standing.submissions.items():
        state = name(lang, "registry_status", standing.status[key])
        if standing.under_review(key):
            state += f", {name(lang, 'registry_status', 'under-review')}"
        kind = name(lang, "registry_standing", one.standing)
        yield f"{key}  {state}  {kind}  {one.submitter}  {one.run_id}"
    for token in open_:
        yield sentence(lang, "registry.open_token", token=token.token, name=token.issued_to, day=token.expires_on)


def print_entries(standing: Standing, about: str, form: str, lang: str) -> bool:
    """Every entry that names `about`, of a submission those of its appeals, too; False where there is none.

    The nonce of an open token is left out.
    """
    import msgspec

    asked, found = {about}, list[dict[str, Any]]()
    for entry in standing.entries:
        plain = msgspec.to_builtins(entry.what)
        if plain.get("submission") == about and "appeal" in plain:
            asked.add(plain["appeal"])
        if asked & {plain.get(key) for key in ("submission", "token", "appeal", "run_id", "archive_sha256")}:
            if plain["kind"] == "token" and plain["token"] not in standing.used:
                del plain["nonce"]
            found.append({"number": entry.number, "at": entry.at.isoformat(), **plain})
    rows = [(one["number"], one["at"], one["kind"], key, _short(value)) for one in found for key, value in _facts(one)]
    tell(form, Listed(found, _ENTRY, rows), lang, lambda: print_lines(_entry_line(one, lang) for one in found))
    return bool(found)


def _facts(entry: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((key, value) for key, value in entry.items() if key not in ("number", "at", "kind"))


def _entry_line(entry: dict[str, Any], lang: str) -> str:
    from bench.text import name

    rest = "  ".join(f"{key}={_short(value)}" for key, value in _facts(entry))
    return f"{entry['number']}  {entry['at']}  {name(lang, 'registry_entry', entry['kind'])}  {rest}"


def _short(value: object) -> str:
    import msgspec

    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
