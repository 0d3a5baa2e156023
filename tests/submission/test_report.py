"""A test report of an archive: what it counts as follows from signatures and verification, its annex from its bytes."""

from __future__ import annotations

import datetime
import hashlib
import shutil
import tarfile
from pathlib import Path

from bench.procurement.candidates import Candidate, read
from bench.procurement.inspecting import inspection, raw_files
from bench.records.inspection import Inspection
from bench.records.particulars import Particulars
from bench.records.submission import ATTESTING
from bench.submission.signing import signatures_file
from bench.submission.trusted import TrustedKeys

from .handing_in import Laboratory, signed


def report(archive: Path, trusted: Laboratory) -> Inspection:
    found = read(archive, TrustedKeys(trusted.trusted))
    assert isinstance(found, Candidate)
    return inspection(found, raw_files(found), Particulars(), None, datetime.date(2026, 11, 26))


def copied(archive: Path, folder: Path) -> Path:
    target = folder / archive.name
    shutil.copy(archive, target)
    shutil.copy(signatures_file(archive), signatures_file(target))
    return target


def test_three_signatures_make_it_a_commissioned_test(archive: Path, laboratory_: Laboratory, tmp_path: Path) -> None:
    mine = copied(archive, tmp_path)
    before = report(mine, laboratory_)
    assert (before.category, before.verified) == ("self-test", True)
    for role in ATTESTING:
        signed(mine, laboratory_.keys[role], role)
    after = report(mine, laboratory_)
    assert after.category == "commissioned"
    signers = {item.subject for item in after.verification if item.check == "signature"}
    assert {f"{role}: the {role}" for role in ATTESTING} <= signers


def test_the_annex_has_the_hashes_of_the_bytes_in_the_archive(archive: Path, laboratory_: Laboratory) -> None:
    found = report(archive, laboratory_)
    with tarfile.open(archive) as tar:
        inside = {one.name: hashlib.sha256(tar.extractfile(one).read()).hexdigest() for one in tar}  # type: ignore[union-attr]
    assert {one.name: one.sha256 for one in found.files} == inside
    assert found.archive_sha256 == hashlib.sha256(archive.read_bytes()).hexdigest()


def test_a_changed_byte_takes_the_standing_away(archive: Path, laboratory_: Laboratory, tmp_path: Path) -> None:
    mine = copied(archive, tmp_path)
    for role in ATTESTING:
        signed(mine, laboratory_.keys[role], role)
    content = bytearray(mine.read_bytes())
    content[content.index(b'"metrics"') + 60] ^= 1
    mine.write_bytes(content)
    found = report(mine, laboratory_)
    assert (found.category, found.verified) == ("self-test", False)
    assert any(item.verdict == "violates" for item in found.verification)
