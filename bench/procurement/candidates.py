"""What is handed in: archives, verified first, or run folders, which are self-tests whatever they say."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.records.listing import Remark
from bench.records.record import Record, Run, Trial
from bench.records.registry import Accepted, Status
from bench.records.submission import Claims, Item, PackedFile
from bench.records.untrusted import BadFile
from bench.registry.standing import Standing
from bench.store.runs import RUN, RunFolder
from bench.submission.archive import BadArchive
from bench.submission.claims import claims_of
from bench.submission.contents import Contents
from bench.submission.trusted import TrustedKeys
from bench.submission.verifying import examine


@dataclass(frozen=True)
class Entered:
    """What a registry says of an archive: how it was accepted, its status now, and whether an appeal is open."""

    accepted: Accepted
    status: Status
    under_review: bool


@dataclass(frozen=True, eq=False)
class Candidate:
    """One configuration that was tested: its run, records and repetitions by measurement, and what they count as.

    `trials` may be empty lists where the records hold the values of their repetitions.

    `verified` is True where everything in the archive conforms, None for a folder, which nobody verified.
    `violations` says what did not; `items` and `files` are all that was verified, and of which files: none of a folder.
    `entered` is what the registry says, None where it was not asked or does not know.
    """

    source: str
    run: Run
    records: dict[str, Record]
    trials: dict[str, list[Trial]]
    claims: dict[str, Claims]
    archive_sha256: str | None = None
    verified: bool | None = None
    violations: tuple[Remark, ...] = ()
    items: tuple[Item, ...] = ()
    files: tuple[PackedFile, ...] = ()
    entered: Entered | None = None


@dataclass(frozen=True, eq=False)
class Unreadable:
    """Something that was handed in and cannot be read, and why."""

    source: str
    why: str


def read(path: Path, trusted: TrustedKeys | None) -> Candidate | Unreadable:
    """One submission: a run's folder, its `run.json`, or an archive. Never raises for what is in it."""
    try:
        if path.is_dir() or path.name == RUN:
            return _of_folder(path if path.is_dir() else path.parent, str(path))
        return _of_archive(path, trusted)
    except (BadArchive, BadFile) as error:
        return Unreadable(source=str(path), why=str(error))
    except OSError as error:
        return Unreadable(source=str(path), why=f"{path}: {error.strerror or error}")


def looked_up(found: Sequence[Candidate | Unreadable], registry: Standing) -> list[Candidate | Unreadable]:
    """What was handed in, with what a registry says of each archive."""
    entered = {
        accepted.archive_sha256: Entered(accepted, registry.status[name], registry.under_review(name))
        for name, accepted in registry.submissions.items()
    }
    return [
        replace(one, entered=entered.get(one.archive_sha256))
        if isinstance(one, Candidate) and one.archive_sha256 is not None
        else one
        for one in found
    ]


def is_formal(candidate: Candidate) -> bool:
    """Whether a result is more than a self-test: nothing violates, and it was measured again or three people attest it.

    measurement.md, section 7: a signature proves who, not that it happened.
    """
    attested = bool(candidate.claims) and all(claim.attestation == "attested" for claim in candidate.claims.values())
    again = candidate.entered is not None and candidate.entered.accepted.standing == "formal"
    return candidate.verified is True and (attested or again)


def _of_folder(folder: Path, source: str) -> Candidate:
    contents = Contents(RunFolder(folder), figures_only=True)
    return _candidate(source, contents, claims_of(contents.run, list(contents.records.values())))


def _of_archive(path: Path, trusted: TrustedKeys | None) -> Candidate:
    seen = examine(path, trusted, unsigned=True)
    violating = [item for item in seen.found.items if item.verdict == "violates"]
    if seen.contents is None:
        raise BadFile(f"{path}: {violating[-1].seen}")
    return _candidate(
        str(path),
        seen.contents,
        seen.found.claims,
        archive_sha256=seen.found.archive_sha256,
        verified=seen.found.passed,
        violations=tuple(
            Remark(code="violation", subject=f"{item.check} {item.subject}", seen=item.seen or item.reason)
            for item in violating
        ),
        items=seen.found.items,
        files=seen.files,
    )


def _candidate(
    source: str,
    contents: Contents,
    claims: tuple[Claims, ...],
    archive_sha256: str | None = None,
    verified: bool | None = None,
    violations: tuple[Remark, ...] = (),
    items: tuple[Item, ...] = (),
    files: tuple[PackedFile, ...] = (),
) -> Candidate:
    _check_start(contents.run)
    return Candidate(
        source=source,
        run=contents.run,
        records=contents.records,
        trials=contents.trials,
        claims={claim.measurement: claim for claim in claims},
        archive_sha256=archive_sha256,
        verified=verified,
        violations=violations,
        items=items,
        files=files,
    )


def _check_start(run: Run) -> None:
    """Whether the run says when it began, so that its last day can be told. Raises BadFile."""
    try:
        year = datetime.datetime.fromisoformat(run.started_at).year
    except ValueError:
        year = 0
    if not 2000 <= year <= 9000:
        raise BadFile(f"{run.run_id}: `started_at` is {run.started_at[:40]!r}, which is no moment of a test")


def of_interest(candidate: Candidate, workload: str, scenario: str, region: str) -> Iterator[Record]:
    """The records of a workload in a scenario, with that timed region; more than one where precisions differ."""
    for record in candidate.records.values():
        measured = record.measurement
        if (measured.workload, measured.scenario, record.timed_region) == (workload, scenario, region):
            yield record
