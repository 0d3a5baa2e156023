"""Whether a registry is what its rules make it: every commit added one entry, and every entry may stand where it is."""

from __future__ import annotations

from collections.abc import Iterator

from bench.registry.git import BadRegistry
from bench.registry.ledger import Ledger, entry_name, parsed
from bench.registry.standing import Standing


def audit(ledger: Ledger, since: str | None = None) -> Iterator[tuple[str, str]]:
    """Every problem as a code of the catalogues and what was seen; `since` is a commit that somebody noted earlier.

    History that was rewritten as a whole shows only against such a commit. Raises BadRegistry where nothing is there.
    """
    repository = ledger.repository
    head = repository.head() if repository.folder.is_dir() else None
    if head is None:
        raise BadRegistry(f"{repository.folder}: no registry; `bench registry init` makes one")
    if not repository.sound():
        yield "objects", head
        return
    if since is not None and not repository.holds(since):
        yield "rewritten", since
    before: list[str] = []
    for number, (commit, parents, changes) in enumerate(repository.history(), 1):
        if parents != before:
            yield "not-linear", commit
        if changes != [f"A\tentries/{entry_name(number)}"]:
            yield "not-appended", f"{commit}: {'; '.join(changes)[:200]}"
        before = [commit]
    yield from _entries(ledger, head)


def _entries(ledger: Ledger, head: str) -> Iterator[tuple[str, str]]:
    standing = Standing()
    for name, content in ledger.repository.files(head).items():
        try:
            standing.take(parsed(name, content, ledger.repository.folder))
        except BadRegistry as error:
            yield "entry", f"{name}: {error}"
            return
