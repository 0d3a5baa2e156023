"""What is packed of a run, what is not, and what is taken out on request."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from bench.store.journal import JOURNAL
from bench.store.runs import RunFolder
from bench.submission.archive import unpack
from bench.submission.packing import NotPacked, pack
from bench.submission.redaction import Redaction
from bench.submission.verifying import verify

from .handing_in import violations

ONE = "user_model.single_stream.fp32"
PLAIN = Redaction((), ())


@pytest.fixture
def folder(kept: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the run, to be spoilt."""
    copied = RunFolder(Path(shutil.copytree(kept.path, tmp_path / "runs" / kept.path.name)))
    shutil.copy(kept.results / JOURNAL, copied.results / JOURNAL)
    return copied


def test_the_same_run_gives_the_same_bytes(kept: RunFolder, folder: RunFolder, tmp_path: Path) -> None:
    first = pack(kept, tmp_path / "one.tar", PLAIN)
    (folder.path / "report.html").write_text("made of the records, and not handed in")
    second = pack(folder, tmp_path / "two.tar", PLAIN)
    assert first == second
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()
    names = {file.name for file in first.manifest.files}
    assert {"run.json", "environment.json", f"{ONE}/record.json", f"{ONE}/trial-01/timeline.parquet"} <= names
    assert "report.html" not in names


def test_why_it_is_not_admissible(kept: RunFolder, tmp_path: Path) -> None:
    manifest = pack(kept, tmp_path / "one.tar", PLAIN).manifest
    assert {(one.code, one.seen) for one in manifest.not_admissible} >= {
        ("mode", "quick"),
        ("quality-not-verified", ""),
    }
    assert {claim.division for claim in manifest.claims} == {"open"}


@pytest.mark.parametrize(
    ("gone", "code"),
    [
        (f"{ONE}/record.json", "no-record"),
        (f"{ONE}/trial-01", "no-trial"),
        (f"{ONE}/trial-00/timeline.parquet", "no-file"),
        (f"{ONE}/trial-00/outputs.safetensors", "no-file"),
    ],
)
def test_what_is_missing_is_listed_and_nothing_is_written(
    folder: RunFolder, tmp_path: Path, gone: str, code: str
) -> None:
    place = folder.path / gone
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises(NotPacked) as caught:
        pack(folder, tmp_path / "one.tar", PLAIN)
    assert code in {one.code for one in caught.value.missing}
    assert not (tmp_path / "one.tar").exists()


def test_private_keys_are_not_packed(folder: RunFolder, tmp_path: Path) -> None:
    log = folder.path / ONE / "trial-00" / "child.log"
    log.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n")
    with pytest.raises(NotPacked, match="holds a private key"):
        pack(folder, tmp_path / "one.tar", PLAIN)
    assert not (tmp_path / "one.tar").exists()


def test_redaction_is_recorded_and_verification_goes_on(folder: RunFolder, tmp_path: Path) -> None:
    log = folder.path / ONE / "trial-00" / "child.log"
    log.write_text("on host lab-7.example.org in /home/somebody/secret: 1/s, and/or fine\n")
    packed = pack(
        folder, tmp_path / "one.tar", Redaction(("hosts", "serials", "paths"), {"lab-7.example.org", "lab-7"})
    )
    assert packed.manifest.redacted[f"{ONE}/trial-00/child.log"] == {"hosts": 1, "paths": 1}
    assert packed.manifest.redacted["run.json"]["paths"] >= 1
    (tmp_path / "out").mkdir()
    unpack(tmp_path / "one.tar", tmp_path / "out")
    assert (
        tmp_path / "out" / ONE / "trial-00" / "child.log"
    ).read_text() == "on host [host] in [path]: 1/s, and/or fine\n"
    assert str(tmp_path.parent) not in (tmp_path / "out" / "run.json").read_text()
    assert violations(verify(tmp_path / "one.tar", None, unsigned=True)) == set()


def test_serial_numbers_go_whatever_holds_them() -> None:
    from collections import Counter

    counts: Counter = Counter()  # type: ignore[type-arg]
    text = json.dumps({"a": {"serial": "X1", "other": "X1"}, "serials": {"board": ["B", ""], "n": None}})
    plain = json.loads(Redaction(("serials",), ()).document(text.encode(), counts))
    assert plain == {
        "a": {"serial": "[serial]", "other": "X1"},
        "serials": {"board": ["[serial]", ""], "n": None},
    }
    assert counts == {"serials": 2}
