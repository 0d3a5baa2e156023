"""From a verified archive to entries of a registry: its token is used up, and what passed may be accepted."""

from __future__ import annotations

import msgspec

from bench.records.registry import Accepted, Used
from bench.records.submission import Obstacle, PackedFile, Verification
from bench.registry.git import BadRegistry
from bench.registry.ledger import Ledger, Written
from bench.registry.standing import Standing
from bench.submission.contents import Contents


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A verification, what kept its archive from being admissible, and the run in it, None where that is unreadable.

    The files of `contents` are gone; its records stay. `files` are those of the archive, hashed as they were read.
    """

    found: Verification
    obstacles: tuple[Obstacle, ...]
    contents: Contents | None = None
    files: tuple[PackedFile, ...] = ()

    @property
    def token(self) -> str | None:
        """The token that the run used."""
        return self.contents.run.plan.token if self.contents is not None else None


def use_token(ledger: Ledger, examined: Examined) -> Written | None:
    """Mark the token of a signed archive as used, whatever else its verification said; None where it is already, by
    the same archive, or where signature or token are not good: a stranger must not use up what is another's.
    """
    found, token = examined.found, examined.token
    good = {item.check for item in found.items if item.verdict == "conforms"}
    if token is None or not {"signature", "token"} <= good:
        return None
    if token in ledger.standing().used:
        return None
    used = Used(token=token, archive_sha256=found.archive_sha256, run_id=found.run_id, passed=found.passed)
    return ledger.append(lambda standing: used)


def accept(ledger: Ledger, examined: Examined, submitter: str, reviewer: str, self_test: bool) -> Written:
    """Enter a submission with status `initial`. Raises BadRegistry for what did not pass, or is not admissible and no
    `self_test`."""
    found, codes = examined.found, tuple(sorted({one.code for one in examined.obstacles}))
    if not found.passed:
        raise BadRegistry(f"run {found.run_id} does not conform, and nothing was entered")
    if codes and not self_test:
        raise BadRegistry(
            f"run {found.run_id} is not admissible ({', '.join(codes)}), and nothing was entered; `--self-test` enters "
            "it as one"
        )
    again = [item.verdict for item in found.items if item.check == "rerun"]
    formal = bool(again) and set(again) == {"conforms"} and not codes

    def make(standing: Standing) -> Accepted:
        return Accepted(
            submission=f"S-{len(standing.submissions) + 1:06d}",
            archive_sha256=found.archive_sha256,
            run_id=found.run_id,
            submitter=submitter,
            reviewer=reviewer,
            standing="formal" if formal else "self-test",
            claims=found.claims,
            token=examined.token,
            obstacles=codes,
        )

    return ledger.append(make)
