"""The ledger: numbered entries in a git repository, read whole, and appended to under a lock. Nothing is taken back."""

from __future__ import annotations

import datetime
import secrets
from collections.abc import Callable
from pathlib import Path

import msgspec

from bench.records.registry import Entry, Issued, Opened, Token, What
from bench.records.untrusted import BadFile, parse_json
from bench.registry.git import BadRegistry, Repository
from bench.registry.standing import Standing

_NONCE_BYTES, _TOKEN_BYTES = 32, 8


class Written(msgspec.Struct, frozen=True, kw_only=True):
    """An entry that is in the registry, and the commit that it was added by."""

    commit: str
    entry: Entry


class Ledger:
    """The registry in a folder. Every method raises BadRegistry for what it cannot read or does not allow."""

    def __init__(self, folder: Path) -> None:
        self.repository = Repository(folder)

    def open(self, name: str) -> Written:
        """Make the registry. An attempt that was killed is completed."""
        folder = self.repository.folder
        if folder.exists() and not folder.is_dir():
            raise BadRegistry(f"{folder}: a file, and a registry is a folder")
        folder.mkdir(parents=True, exist_ok=True)
        with self.repository.held() as handle:
            if any(folder.iterdir()) and not (folder / "objects").is_dir() and not (folder / "refs").is_dir():
                raise BadRegistry(f"{folder}: not empty, and no registry; choose another folder")
            self.repository.create(handle)
            if self.repository.head() is not None:
                raise BadRegistry(f"{folder}: there is a registry already")
            return self._write(handle, None, Standing(), Opened(name=name))

    def append(self, make: Callable[[Standing], What]) -> Written:
        """Add what `make` says, which sees the registry as it is while nobody else writes, and raises BadRegistry."""
        with self.repository.held() as handle:
            head, standing = self._read()
            return self._write(handle, head, standing, make(standing))

    def issue(self, issued_to: str, expires_on: datetime.date, journal_head: str | None = None) -> Token:
        """Hand out a new token."""

        def make(standing: Standing) -> Issued:
            return Issued(
                token=f"T-{secrets.token_hex(_TOKEN_BYTES)}",
                nonce=secrets.token_hex(_NONCE_BYTES),
                issued_to=issued_to,
                expires_on=expires_on,
                journal_head=journal_head,
            )

        what = self.append(make).entry.what
        assert isinstance(what, Issued)
        return Token(
            registry=self.standing().name,
            token=what.token,
            nonce=what.nonce,
            issued_to=issued_to,
            expires_on=expires_on,
        )

    def standing(self) -> Standing:
        """What all entries come to."""
        return self._read()[1]

    def _read(self) -> tuple[str, Standing]:
        folder = self.repository.folder
        head = self.repository.head() if folder.is_dir() else None
        if head is None:
            raise BadRegistry(f"{folder}: no registry; `bench registry init` makes one")
        standing = Standing()
        for name, content in self.repository.files(head).items():
            entry = parsed(name, content, folder)
            try:
                standing.take(entry)
            except BadRegistry as error:
                raise BadRegistry(f"{folder}: {error}; `bench registry audit` says more") from None
        return head, standing

    def _write(self, handle: int, head: str | None, standing: Standing, what: What) -> Written:
        now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
        last = standing.entries[-1].at if standing.entries else now  # a clock that was set back changes no order
        entry = Entry(number=len(standing.entries) + 1, at=max(now, last), what=what)
        standing.take(entry)
        text = msgspec.json.format(msgspec.json.encode(entry, order="deterministic"), indent=1) + b"\n"
        kind = str(what.__struct_config__.tag)
        commit = self.repository.append(handle, head, entry_name(entry.number), text, f"{entry.number}: {kind}")
        return Written(commit=commit, entry=entry)


def entry_name(number: int) -> str:
    """The file of an entry; names sort as numbers do."""
    return f"{number:08d}.json"


def parsed(name: str, content: bytes, origin: Path) -> Entry:
    """The entry in a file of the registry. Raises BadRegistry."""
    try:
        entry = parse_json(content, Entry, f"{origin}: {name}")
    except BadFile as error:
        raise BadRegistry(str(error)) from None
    if name != entry_name(entry.number):
        raise BadRegistry(f"{origin}: {name} holds entry {entry.number}")
    return entry
