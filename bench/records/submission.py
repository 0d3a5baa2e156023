"""What leaves the house with a run, and what a verification says of it: manifest, claims, statement, verdicts."""

from __future__ import annotations

import datetime
from typing import Literal

import msgspec

MANIFEST_SCHEMA = 1
Role = Literal["submitter", "inspector", "reviewer", "approver"]
Redacted = Literal["hosts", "serials", "paths"]
Verdict = Literal["conforms", "violates", "unchecked"]

ROLES: tuple[Role, ...] = ("submitter", "inspector", "reviewer", "approver")
# 主检, 审核, 批准: whoever attests a result are three people.
ATTESTING: tuple[Role, ...] = ("inspector", "reviewer", "approver")
VERDICTS: tuple[Verdict, ...] = ("conforms", "violates", "unchecked")
REDACTED: tuple[Redacted, ...] = ("hosts", "serials", "paths")


class PackedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of an archive: its name there, the SHA-256 of its bytes in hexadecimal digits, its size in bytes."""

    name: str
    sha256: str
    size: int


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is missing from a run, or that keeps it from being admitted: a code, and what it is about."""

    code: str
    subject: str
    seen: str = ""


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a measurement counts as; computed from hashes, signatures and records, never set by whoever submits."""

    measurement: str
    division: Literal["closed", "open"]
    attestation: Literal["self", "attested"]
    origin: Literal["measured", "synthetic", "mlperf-import"]


class Package(msgspec.Struct, frozen=True, kw_only=True):
    """An installed distribution; `record_sha256` is the hash of the list of its files' hashes, None without one."""

    name: str
    version: str
    record_sha256: str | None


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What was installed where the archive was made; `code_sha256` is over the harness's own source files."""

    suite_version: str
    code_sha256: str
    python: str
    packages: tuple[Package, ...]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything in an archive but the manifest itself, by name; what was taken out; what keeps it from admission.

    `redacted` counts replaced texts by kind, for each file that was changed.
    """

    schema: Literal[1] = 1
    suite_version: str
    run_id: str
    files: tuple[PackedFile, ...]
    claims: tuple[Claims, ...]
    not_admissible: tuple[Obstacle, ...] = ()
    redacted: dict[str, dict[Redacted, int]] = {}


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """in-toto: a file by name and digests. The name is a hint: archives may be renamed."""

    name: str
    digest: dict[str, str]


class Signed(msgspec.Struct, frozen=True, kw_only=True):
    """The predicate of our statements: who speaks in which role, when, of which run."""

    role: Role
    signed_at: datetime.datetime
    run_id: str


class Statement(
    msgspec.Struct, frozen=True, kw_only=True, rename={"type_": "_type", "predicate_type": "predicateType"}
):
    """An in-toto statement, version 1, as it is signed."""

    type_: Literal["https://in-toto.io/Statement/v1"] = "https://in-toto.io/Statement/v1"
    subject: tuple[Subject, ...]
    predicate_type: Literal["urn:inference-bench:submission:v1"] = "urn:inference-bench:submission:v1"
    predicate: Signed


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was verified: the check's code, what it was applied to, the verdict, and what was seen.

    `reason` is a code of the catalogues that says why, empty for what conforms.
    """

    check: str
    subject: str
    verdict: Verdict
    reason: str = ""
    seen: str = ""


class Verification(msgspec.Struct, frozen=True, kw_only=True):
    """All that was verified of one archive, in order, and what its measurements count as by it."""

    archive_sha256: str
    run_id: str
    items: tuple[Item, ...]
    claims: tuple[Claims, ...]

    @property
    def passed(self) -> bool:
        """Something was found to conform, and nothing to violate: nothing found is a failure."""
        verdicts = {item.verdict for item in self.items}
        return "conforms" in verdicts and "violates" not in verdicts
