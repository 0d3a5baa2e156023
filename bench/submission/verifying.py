"""From an archive to verdicts: signature, manifest, records, and every figure again from raw data. Fails closed."""

from __future__ import annotations

import datetime
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from bench.records.record import Record
from bench.records.submission import Environment, Item, Manifest, Role, Verification
from bench.records.untrusted import BadFile, read_json
from bench.registry.standing import Standing
from bench.store.runs import RunFolder
from bench.submission.accepting import Examined
from bench.submission.archive import Unpacked, unpack
from bench.submission.claims import claims_of
from bench.submission.consistency import conforming, times_of_run, unchecked, violated
from bench.submission.contents import ENVIRONMENT, MANIFEST, Contents, obstacles
from bench.submission.differences import first_difference
from bench.submission.environment import code_sha256
from bench.submission.journal import journal_items, token_items
from bench.submission.measurements import Verified, guarded
from bench.submission.opening import held_against, read_manifest
from bench.submission.signatures import Signatures, check_signatures
from bench.submission.trusted import TrustedKeys

Rerun = Callable[[Contents], Iterable[Item]]
Each = Callable[[Contents], Iterable[Item]]
"""Verifies every measurement of a run, in order."""


def verify(
    archive: Path,
    trusted: TrustedKeys | None,
    unsigned: bool = False,
    rerun: Rerun | None = None,
    standing: Standing | None = None,
) -> Verification:
    """What `examine` finds."""
    return examine(archive, trusted, unsigned, rerun, standing).found


def examine(
    archive: Path,
    trusted: TrustedKeys | None,
    unsigned: bool = False,
    rerun: Rerun | None = None,
    standing: Standing | None = None,
    each: Each | None = None,
) -> Examined:
    """Everything that can be verified of an archive without running it again. Raises BadArchive, BadFile or OSError.

    `unsigned` takes a missing signature for "not verified" instead of a violation. `rerun` measures again what nothing
    speaks against so far, and raises as it does. `standing` is the registry's, against which tokens are held. `each`
    verifies measurements in a way of its own, as `one_by_one` does.
    """
    now = datetime.datetime.now(datetime.UTC)
    with tempfile.TemporaryDirectory(prefix="bench-verify-") as place:
        folder = Path(place)
        unpacked = unpack(archive, folder)
        manifest = read_manifest(folder)
        signatures = check_signatures(archive, unpacked.sha256, manifest.run_id, trusted, now, unsigned)
        items = [*signatures.items, *_manifest_items(manifest, unpacked)]
        try:
            contents = Contents(RunFolder(folder))
        except BadFile as error:
            items.append(violated("schema", MANIFEST, "unreadable", str(error).replace(f"{folder}/", "")))
            found = Verification(archive_sha256=unpacked.sha256, run_id=manifest.run_id, items=tuple(items), claims=())
            return Examined(found=found, obstacles=manifest.not_admissible)
        items += _items(contents, manifest, folder, now, each or one_by_one)
        if standing is not None:
            signed_by = signatures.roles.get("submitter", frozenset())
            signers = {trusted.by_id[key].name for key in signed_by} if trusted is not None else set[str]()
            items += guarded(
                "token", manifest.run_id, lambda: token_items(contents, standing, unpacked.sha256, signers)
            )
        if rerun is not None and not any(item.verdict == "violates" for item in items):
            items += rerun(contents)
        found = Verification(
            archive_sha256=unpacked.sha256,
            run_id=manifest.run_id,
            items=tuple(items),
            claims=claims_of(contents.run, list(contents.records.values()), _attested(signatures, items)),
        )
        return Examined(found=found, obstacles=manifest.not_admissible, contents=contents, files=unpacked.files)


def _attested(signatures: Signatures, items: list[Item]) -> frozenset[Role]:
    """Roles count only where nothing else is wrong."""
    return frozenset() if any(item.verdict == "violates" for item in items) else signatures.attesting


def _manifest_items(manifest: Manifest, unpacked: Unpacked) -> Iterator[Item]:
    found = list(held_against(manifest, unpacked))
    yield from (item for item in found if item.verdict != "conforms")
    right = sum(item.verdict == "conforms" for item in found)
    if right:
        yield conforming("manifest", MANIFEST, right)


def _items(contents: Contents, manifest: Manifest, folder: Path, now: datetime.datetime, each: Each) -> Iterator[Item]:
    run = contents.run
    yield conforming("schema", run.run_id)
    yield from guarded("complete", run.run_id, lambda: _complete(contents, manifest))
    yield from guarded("manifest", MANIFEST, lambda: _claimed(contents, manifest))
    yield from guarded("environment", ENVIRONMENT, lambda: _environment(contents, folder))
    every = [(name, trial) for name, trials in contents.trials.items() for trial in trials]
    yield from guarded("times", run.run_id, lambda: times_of_run(run, every, now))
    if not contents.records:
        yield violated("complete", run.run_id, "no-record")
    yield from each(contents)
    yield from guarded("journal", run.run_id, lambda: journal_items(contents))
    yield unchecked("measured", run.run_id, "only-arithmetic")


def one_by_one(contents: Contents) -> Iterator[Item]:
    """Every measurement, in this process."""
    for name in contents.records:
        yield from measurement_items(contents, name)


def measurement_items(contents: Contents, name: str) -> Iterator[Item]:
    """All that is verified of one measurement; needs its own files only, and `run.json`."""
    return guarded("record", name, partial(_verified, contents, contents.records[name]))


def _verified(contents: Contents, record: Record) -> Iterator[Item]:
    return Verified(contents, record).items()


def _complete(contents: Contents, manifest: Manifest) -> Iterator[Item]:
    run, missing = contents.run, list(contents.missing())
    yield from (violated("complete", one.subject, one.code) for one in missing)
    wrong = bool(missing)
    if run.run_id != manifest.run_id or run.suite_version != manifest.suite_version:
        wrong = True
        yield violated("complete", run.run_id, "other-run", manifest.run_id)
    for name, record in contents.records.items():
        if record.measurement not in run.measurements or (record.run_id, record.mode) != (run.run_id, run.plan.mode):
            wrong = True
            yield violated("complete", name, "other-run", record.run_id)
    for name, trials in contents.trials.items():
        if [trial.index for trial in trials] != list(range(len(trials))):
            wrong = True
            yield violated("complete", name, "numbering", [trial.index for trial in trials])
    if not wrong:
        yield conforming("complete", run.run_id)


def _claimed(contents: Contents, manifest: Manifest) -> Iterator[Item]:
    records = list(contents.records.values())
    claims = first_difference(claims_of(contents.run, records), manifest.claims)
    hindered = first_difference(tuple(obstacles(contents.run, contents.records)), manifest.not_admissible)
    if (difference := claims or hindered) is not None:
        yield violated("claims", MANIFEST, "figures", difference)
    else:
        yield conforming("claims", MANIFEST)


def _environment(contents: Contents, folder: Path) -> Iterator[Item]:
    """What was installed when it was packed, beside what the run says was there when it was measured."""
    packed = read_json(folder / ENVIRONMENT, Environment)
    versions = {one.name.casefold(): one.version for one in packed.packages}
    if packed.code_sha256 != code_sha256():
        yield unchecked("environment", ENVIRONMENT, "other-code", packed.suite_version)
    changed = [
        f"{name} {version}, {versions.get(name.casefold())}"
        for name, version in contents.run.host.packages.items()
        if versions.get(name.casefold()) != version
    ]
    if changed:
        yield unchecked("environment", ENVIRONMENT, "changed-since", "; ".join(changed))
    else:
        yield conforming("environment", ENVIRONMENT)
