"""`bench pack`, `bench key` and `bench verify`: from a run to a verdict, and one line for what cannot be done."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from .things import Command, complaint

FLAGS = ("--backend", "fake", "--scenario", "single_stream", "--format", "json")
PASSPHRASE = "correct horse battery"


def test_from_a_run_to_a_verdict(bench: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_KEY_PASSPHRASE", PASSPHRASE)
    assert bench("run", "--model", model, *FLAGS).code == 0
    assert bench("key", "new", "me.pem").code == 0
    trust = ("key", "trust", "me.pem.pub", "--name", "me", "--role", "submitter", "--until", "2099-12-31")
    assert bench(*trust, "-o", "trusted/me.toml").code == 0
    packed = bench("pack", "latest", "-o", "run.tar", "--key", "me.pem", "--redact", "paths")
    assert packed.code == 11, "measured in mode quick, so not admissible"
    assert "only `certified` is admitted" in packed.out
    assert "me.pem" not in packed.out
    for lang, words in (("en", "could not be verified by arithmetic"), ("zh", "未检")):
        found = bench("verify", "run.tar", "--trusted", "trusted", "--lang", lang)
        assert found.code == 0, found.out
        assert words in found.out
    found = bench("verify", "run.tar", "--trusted", "trusted", "--format", "json")
    checks = {item["check"]: item["verdict"] for item in json.loads(found.out)["items"]}
    rows = list(csv.DictReader(io.StringIO(bench("verify", "run.tar", "--trusted", "trusted", "--format", "csv").out)))
    assert [(row["check"], row["verdict"]) for row in rows] == [
        (item["check"], item["verdict"]) for item in json.loads(found.out)["items"]
    ]
    (key,) = csv.DictReader(io.StringIO(bench("key", "list", "trusted", "--format", "csv").out))
    assert (key["name"], key["roles"], key["valid_until"], key["revoked"]) == ("me", "submitter", "2099-12-31", "")
    assert checks["signature"] == checks["figures"] == "conforms"
    assert checks["measured"] == "unchecked"
    whole = (tmp_path / "run.tar").read_bytes()
    content = bytearray(whole)
    content[content.index(b'"metrics"') + 60] ^= 1
    (tmp_path / "run.tar").write_bytes(content)
    spoilt = bench("verify", "run.tar", "--trusted", "trusted")
    assert spoilt.code == 11
    assert "VIOLATES" in spoilt.out
    (tmp_path / "run.tar").write_bytes(whole)
    assert bench("key", "revoke", "trusted/me.toml", "--why", "lost").code == 0
    assert "the key is revoked" in bench("verify", "run.tar", "--trusted", "trusted").out
    assert PASSPHRASE not in "".join(str(outcome) for outcome in (packed, found, spoilt))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("pack", "nothing"), "There is no record 'nothing'"),
        (("verify", "nothing.tar"), "there is no such file"),
        (("verify", "text.tar", "--trusted", "nowhere"), "there is no such folder"),
        (("verify", "text.tar", "--trusted", "."), "no trusted key"),
        (("key", "new", "k.pem"), "give a passphrase"),
        (("key", "new", "k.pem", "--passphrase-file", "open.txt"), "chmod 600"),
        (("key", "sign", "text.tar", "--role", "reviewer", "--key", "k.pem"), "ends too early"),
        (("key", "trust", "text.tar", "--name", "x", "--role", "boss", "--until", "2099-01-01", "-o", "x"), "boss"),
        (
            ("key", "trust", "text.tar", "--name", "x", "--role", "reviewer", "--until", "2099-01-01", "-o", "x"),
            "no public Ed25519 key",
        ),
        (("key", "revoke", "text.tar", "--why", "x"), "not usable as TOML"),
    ],
)
def test_what_cannot_be_done(bench: Command, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    (tmp_path / "text.tar").write_text("this is no archive\n")
    (tmp_path / "open.txt").write_text(PASSPHRASE)
    (tmp_path / "open.txt").chmod(0o644)
    outcome = bench(*arguments)
    assert outcome.code == 2
    assert words in complaint(outcome)


def test_what_is_no_archive_has_failed_verification(bench: Command, tmp_path: Path) -> None:
    (tmp_path / "text.tar").write_text("this is no archive\n")
    (tmp_path / "empty.tar").write_bytes(bytes(1024))
    for name, words in (("text.tar", "ends too early"), ("empty.tar", "manifest.json: there is none")):
        outcome = bench("verify", name, "--unsigned")
        assert outcome.code == 11
        assert words in complaint(outcome)
