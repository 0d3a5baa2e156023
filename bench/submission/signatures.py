"""Who signed an archive, by the keys that an evaluator trusts."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

import msgspec

from bench.records.submission import ATTESTING, Item, Role
from bench.records.untrusted import BadFile
from bench.submission.consistency import conforming, unchecked, violated
from bench.submission.signing import Endorsement, endorsements, signatures_file
from bench.submission.trusted import TrustedKey, TrustedKeys


class Signatures(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of the signatures, and the roles in which trusted people signed, with their keys."""

    items: tuple[Item, ...]
    roles: dict[Role, frozenset[str]]

    @property
    def attesting(self) -> frozenset[Role]:
        """The roles that were signed in; none where fewer people than roles attested."""
        people = frozenset(key for role in ATTESTING for key in self.roles.get(role, frozenset()))
        return frozenset(self.roles) if len(people) >= len(ATTESTING) else frozenset(self.roles) - set(ATTESTING)


def check_signatures(
    archive: Path, sha256: str, run_id: str, trusted: TrustedKeys | None, now: datetime.datetime, unsigned: bool
) -> Signatures:
    """Every signature beside an archive; a violation where there is none, unless `unsigned` asks for no signature."""
    file = signatures_file(archive)
    try:
        found = endorsements(archive, trusted.public_keys() if trusted is not None else {})
    except BadFile as error:
        return Signatures(items=(violated("signature", file.name, "unreadable", error),), roles={})
    if not found:
        bare = unchecked if unsigned else violated
        return Signatures(items=(bare("signature", file.name, "none"),), roles={})
    if trusted is None:
        blind = unchecked if unsigned else violated
        return Signatures(items=(blind("signature", file.name, "no-trusted-keys"),), roles={})
    items: list[Item] = []
    roles: dict[Role, set[str]] = {}
    for one in found:
        item = _judged(one, sha256, run_id, trusted, now)
        items.append(item)
        if item.verdict == "conforms" and one.key_id is not None:
            roles.setdefault(one.statement.predicate.role, set()).add(one.key_id)
    items += _submitted(roles, file)
    return Signatures(items=tuple(items), roles={role: frozenset(keys) for role, keys in roles.items()})


def _submitted(roles: dict[Role, set[str]], file: Path) -> Iterator[Item]:
    if "submitter" not in roles:
        yield violated("signature", file.name, "no-submitter")
    missing = [role for role in ATTESTING if role not in roles]
    if missing:
        yield unchecked("counter-signatures", file.name, "not-signed", ", ".join(missing))
    elif len(set[str]().union(*(roles[role] for role in ATTESTING))) < len(ATTESTING):
        yield violated("counter-signatures", file.name, "same-person")
    else:
        yield conforming("counter-signatures", file.name)


def _judged(one: Endorsement, sha256: str, run_id: str, trusted: TrustedKeys, now: datetime.datetime) -> Item:
    said = one.statement.predicate
    if one.key_id is None:
        return violated("signature", said.role, "unknown-key")
    key = trusted.by_id[one.key_id]
    subject = f"{said.role}: {key.name}"
    if [entry.digest.get("sha256") for entry in one.statement.subject] != [sha256]:
        return violated("signature", subject, "other-archive")
    if said.run_id != run_id:
        return violated("signature", subject, "other-run", said.run_id)
    if (reason := _not_allowed(key, said.role, said.signed_at, now)) is not None:
        return violated("signature", subject, reason, said.signed_at.isoformat())
    return conforming("signature", subject, said.signed_at.isoformat())


def _not_allowed(key: TrustedKey, role: Role, signed_at: datetime.datetime, now: datetime.datetime) -> str | None:
    if key.revoked is not None:
        return "revoked"
    if role not in key.roles:
        return "other-role"
    if signed_at.tzinfo is None or signed_at > now + datetime.timedelta(days=1):
        return "signed-in-future"
    if not key.valid_from <= signed_at.astimezone(datetime.UTC).date() <= key.valid_until:
        return "not-valid-then"
    return None
