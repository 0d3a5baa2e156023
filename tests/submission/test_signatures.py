"""Keys and signatures: who may sign what and when, and that private keys stay where they are."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bench.records.submission import ATTESTING, Role
from bench.records.untrusted import BadFile
from bench.submission.keys import BadKey, new_key, read_key, read_public
from bench.submission.signing import key_id, signatures_file
from bench.submission.trusted import TrustedKeys
from bench.submission.verifying import verify

from .handing_in import TODAY, YEAR, Laboratory, item, laboratory, signed, trust, violations

PASSPHRASE = b"correct horse battery"


@pytest.fixture
def copy(archive: Path, tmp_path: Path) -> Path:
    """The honest archive with its signatures, to be spoilt."""
    for file in (archive, signatures_file(archive)):
        shutil.copy(file, tmp_path)
    return tmp_path / archive.name


def lines(archive: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in signatures_file(archive).read_text().splitlines()]


def rewritten(archive: Path, *envelopes: dict[str, Any]) -> None:
    signatures_file(archive).write_text("".join(json.dumps(one) + "\n" for one in envelopes))


def test_a_new_key_is_encrypted_and_for_its_owner_alone(tmp_path: Path) -> None:
    line = new_key(tmp_path / "k.pem", PASSPHRASE)
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600
    assert b"ENCRYPTED PRIVATE KEY" in (tmp_path / "k.pem").read_bytes()
    assert (tmp_path / "k.pem.pub").read_text().strip() == line
    key = read_key(tmp_path / "k.pem", PASSPHRASE)
    assert key_id(key.public_key()) == key_id(read_public(line, "here"))
    for passphrase, words in ((b"another passphrase", "no private key"), (None, "is encrypted")):
        with pytest.raises(BadKey, match=words):
            read_key(tmp_path / "k.pem", passphrase)
    with pytest.raises(BadKey, match="is there already"):
        new_key(tmp_path / "k.pem", PASSPHRASE)
    with pytest.raises(BadKey, match="at least 12"):
        new_key(tmp_path / "short.pem", b"short")


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH is not installed")
@pytest.mark.parametrize("passphrase", ["", "correct horse battery"])
def test_a_key_of_openssh_signs(tmp_path: Path, archive: Path, passphrase: str) -> None:
    file = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-f", file], check=True)
    key = read_key(file, passphrase.encode() or None)
    assert key_id(key.public_key()) == key_id(read_public((tmp_path / "id.pub").read_text(), "id.pub"))
    (tmp_path / "trusted").mkdir()
    trust(tmp_path / "trusted" / "me.toml", key, "submitter")
    shutil.copy(archive, tmp_path)
    found = verify(signed(tmp_path / archive.name, key), TrustedKeys(tmp_path / "trusted"))
    assert item(found, "signature").verdict == "conforms"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    new_key(tmp_path / "k.pem", PASSPHRASE)
    (tmp_path / "k.pem").chmod(mode)
    with pytest.raises(BadKey, match="chmod 600"):
        read_key(tmp_path / "k.pem", PASSPHRASE)


def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key

    other = generate_private_key(SECP256R1())
    file = tmp_path / "ec.pem"
    file.write_bytes(
        other.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.BestAvailableEncryption(PASSPHRASE))
    )
    file.chmod(0o600)
    with pytest.raises(BadKey, match="not an Ed25519 key"):
        read_key(file, PASSPHRASE)
    file.write_bytes(b"nothing of a key")
    with pytest.raises(BadKey, match="no private key"):
        read_key(file, PASSPHRASE)
    with pytest.raises(BadKey, match="no public Ed25519 key"):
        read_public("ssh-rsa AAAA", "here")


def test_signature_stripped(copy: Path, laboratory_: Laboratory) -> None:
    signatures_file(copy).unlink()
    assert ("signature", "none") in violations(laboratory_.verify(copy))
    assert verify(copy, None, unsigned=True).passed
    assert not verify(copy, None).passed


def test_nobody_trusted(copy: Path) -> None:
    assert ("signature", "no-trusted-keys") in violations(verify(copy, None))


def test_a_key_that_nobody_knows(copy: Path, laboratory_: Laboratory) -> None:
    signatures_file(copy).unlink()
    signed(copy, Ed25519PrivateKey.generate())
    assert {("signature", "unknown-key"), ("signature", "no-submitter")} <= violations(laboratory_.verify(copy))


def test_a_statement_changed_after_it_was_signed(copy: Path, laboratory_: Laboratory) -> None:
    import base64

    (envelope,) = lines(copy)
    payload = base64.b64decode(envelope["payload"]).replace(b'"submitter"', b'"approver"')
    rewritten(copy, {**envelope, "payload": base64.b64encode(payload).decode()})
    assert ("signature", "unknown-key") in violations(laboratory_.verify(copy))


def test_signature_of_another_archive_or_run(copy: Path, laboratory_: Laboratory) -> None:
    signatures_file(copy).unlink()
    signed(copy, laboratory_.keys["submitter"], run_id="20200101T000000Z-0000")
    assert ("signature", "other-run") in violations(laboratory_.verify(copy))
    before = signatures_file(copy).read_bytes()
    other = copy.with_name("other.tar")
    other.write_bytes(b"other")
    signatures_file(copy).unlink()
    signed(other, laboratory_.keys["submitter"], run_id=copy.stem)
    signatures_file(copy).write_bytes(signatures_file(other).read_bytes())
    assert before
    assert ("signature", "other-archive") in violations(laboratory_.verify(copy))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"valid_from": TODAY - 2 * YEAR, "valid_until": TODAY - YEAR}, "not-valid-then"),
        ({"valid_from": TODAY + YEAR, "valid_until": TODAY + 2 * YEAR}, "not-valid-then"),
        ({"revoked": TODAY, "revoked_why": "lost"}, "revoked"),
        ({"roles": ("reviewer",)}, "other-role"),
    ],
)
def test_keys_that_may_not(
    copy: Path, laboratory_: Laboratory, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    trust(folder / "one.toml", laboratory_.keys["submitter"], "submitter", **changes)
    assert ("signature", reason) in violations(verify(copy, TrustedKeys(folder)))


def test_three_people_attest(copy: Path, laboratory_: Laboratory) -> None:
    for role in ATTESTING:
        assert {claim.attestation for claim in laboratory_.verify(copy).claims} == {"self"}
        signed(copy, laboratory_.keys[role], role, copy.stem)
    found = laboratory_.verify(copy)
    assert found.passed
    assert item(found, "counter-signatures").verdict == "conforms"
    assert {claim.attestation for claim in found.claims} == {"attested"}
    assert len(lines(copy)) == 4


def test_one_person_in_three_roles_does_not(copy: Path, tmp_path: Path, laboratory_: Laboratory) -> None:
    folder = tmp_path / "trusted"
    folder.mkdir()
    shutil.copy(laboratory_.trusted / "submitter.toml", folder)
    one = Ed25519PrivateKey.generate()
    trust(folder / "one.toml", one, *ATTESTING)
    for role in ATTESTING:
        signed(copy, one, role, copy.stem)
    found = verify(copy, TrustedKeys(folder))
    assert ("counter-signatures", "same-person") in violations(found)
    assert {claim.attestation for claim in found.claims} == {"self"}


@pytest.mark.parametrize(
    "text",
    [
        "not JSON\n",
        "[]\n",
        "{}\n",
        '{"payload": "AA", "payloadType": "x", "signatures": []}\n',
        '{"payload": "e30=", "payloadType": "application/vnd.in-toto+json", "signatures": []}\n',
        '{"payload": 1, "payloadType": 2, "signatures": 3}\n',
        '{"a": 1, "a": 2}\n',
        "{}\n" * 100,
    ],
)
def test_signatures_that_are_none(copy: Path, laboratory_: Laboratory, text: str) -> None:
    signatures_file(copy).write_text(text)
    found = laboratory_.verify(copy)
    assert ("signature", "unreadable") in violations(found)
    assert not found.passed


def test_folders_of_trusted_keys(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no trusted key"):
        TrustedKeys(tmp_path)
    made = laboratory(tmp_path, ("submitter",))
    assert [key.name for key in TrustedKeys(tmp_path).by_id.values()] == ["the submitter"]
    trust(tmp_path / "twice.toml", made.keys["submitter"], "reviewer")
    with pytest.raises(BadFile, match="another file has already"):
        TrustedKeys(tmp_path)
    role: Role = "submitter"
    trust(tmp_path / "twice.toml", Ed25519PrivateKey.generate(), role, valid_until=TODAY - 2 * YEAR)
    with pytest.raises(BadFile, match="before it is valid"):
        TrustedKeys(tmp_path)
    (tmp_path / "twice.toml").write_text('name = "x"\nkey = "y"\n')
    with pytest.raises(BadFile, match=r"twice\.toml"):
        TrustedKeys(tmp_path)
