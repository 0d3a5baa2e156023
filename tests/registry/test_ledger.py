"""The registry: entries are only ever added, by several writers, by writers that are killed, and every change shows."""

from __future__ import annotations

import contextlib
import datetime
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bench.records.registry import Accepted, Changed, Decided, Objected, Opened, Used, Witnessed
from bench.registry.audit import audit
from bench.registry.git import BadRegistry
from bench.registry.ledger import Ledger

# Says each commit once it is there; nothing that was said may be lost.
WRITER = """
import sys, datetime
from pathlib import Path
from bench.registry.ledger import Ledger
ledger, who, count = Ledger(Path(sys.argv[1])), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for _ in range(count):
    print(ledger.issue(who, datetime.date(2099, 1, 1)).token, flush=True)
"""
ROOT = Path(__file__).parents[2]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    made = Ledger(tmp_path / "reg")
    made.open("Lab")
    return made


def git(ledger: Ledger, *arguments: str, stdin: str = "") -> str:
    """git as anybody could call it, with a name of its own."""
    names = ("-c", "user.name=Mallory", "-c", "user.email=m@example.org")
    command = ["git", "--git-dir", str(ledger.repository.folder), *names, *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout.strip()


def writer(ledger: Ledger, who: str, count: int) -> subprocess.Popen[str]:
    started = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(ledger.repository.folder), who, str(count)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert started.stdout is not None
    assert started.stdout.readline() == "ready\n"
    return started


def accepted(name: str = "S-000001", run_id: str = "r1", sha256: str = "ab", token: str | None = None) -> Accepted:
    return Accepted(
        submission=name,
        archive_sha256=sha256,
        run_id=run_id,
        submitter="Vendor",
        reviewer="Li",
        standing="self-test",
        claims=(),
        token=token,
    )


def changed(status: str) -> Changed:
    return Changed(submission="S-000001", status=status, reason="why", reviewer="Li")  # type: ignore[arg-type]


def test_two_writers_at_once_lose_nothing(ledger: Ledger) -> None:
    both = [writer(ledger, who, 4) for who in ("one", "two")]
    said = [line for process in both for line in process.communicate()[0].split()]
    assert [process.returncode for process in both] == [0, 0]
    standing = ledger.standing()
    assert len(said) == 8
    assert set(said) == set(standing.tokens)
    assert [entry.number for entry in standing.entries] == list(range(1, 10))
    assert len({token.nonce for token in standing.tokens.values()}) == 8
    assert list(audit(ledger)) == []


@pytest.mark.parametrize("times", [3, pytest.param(100, marks=pytest.mark.full)])
def test_a_writer_that_is_killed_at_any_point_breaks_nothing(ledger: Ledger, times: int) -> None:
    rng, said = random.Random(8), list[str]()
    for turn in range(times):
        process = writer(ledger, f"writer {turn}", 1000)
        assert process.stdout is not None
        said += [process.stdout.readline().strip() for _ in range(turn % 3)]
        time.sleep(rng.uniform(0.0, 0.3))
        # With git, or git left behind as an orphan.
        kill = os.killpg if turn % 2 else os.kill
        kill(process.pid, signal.SIGKILL)
        said += process.communicate()[0].split("\n")[:-1]  # what was cut off was not said
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    issued = ledger.issue("after all", datetime.date(2099, 1, 1))
    assert len(said) >= times - 1
    assert {*said, issued.token} <= set(ledger.standing().tokens)
    assert list(audit(ledger)) == []


def test_a_lock_that_a_killed_git_left_stops_nobody(ledger: Ledger) -> None:
    (ledger.repository.folder / "refs/heads/main.lock").touch()
    ledger.issue("Vendor", datetime.date(2099, 1, 1))
    assert len(ledger.standing().entries) == 2


def test_what_a_killed_init_left_is_completed_and_a_whole_one_is_not_made_anew(tmp_path: Path) -> None:
    half = Ledger(tmp_path / "half")
    (tmp_path / "half/refs").mkdir(parents=True)
    half.open("Lab")
    assert half.standing().name == "Lab"
    with pytest.raises(BadRegistry, match="there is a registry already"):
        half.open("Lab")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").touch()
    for name, words in (("other", "not empty"), ("other/file", "a registry is a folder")):
        with pytest.raises(BadRegistry, match=words):
            Ledger(tmp_path / name).open("Lab")
    with pytest.raises(BadRegistry, match="no registry"):
        Ledger(tmp_path / "nowhere").standing()


def test_hooks_and_settings_of_the_user_take_no_part(ledger: Ledger, tmp_path: Path) -> None:
    folder = ledger.repository.folder
    (folder / "hooks").mkdir(exist_ok=True)
    for name in ("reference-transaction", "post-commit", "update"):
        (folder / "hooks" / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\nexit 1\n")
        (folder / "hooks" / name).chmod(0o755)
    ledger.issue("Vendor", datetime.date(2099, 1, 1))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        (("changed", "suspended", "changed", "withdrawn"), True),
        (("suspended", "expired"), True),
        (("withdrawn", "changed"), False),
        (("expired", "suspended"), False),
        (("suspended", "suspended"), False),
        (("initial",), False),
    ],
)
def test_which_status_may_follow_which(ledger: Ledger, path: tuple[str, ...], allowed: bool) -> None:
    ledger.append(lambda standing: accepted())
    *first, last = path
    for status in first:
        ledger.append(lambda standing, status=status: changed(status))  # type: ignore[misc]
    before = len(ledger.standing().entries)
    if allowed:
        ledger.append(lambda standing: changed(last))
        assert ledger.standing().status["S-000001"] == last
    else:
        with pytest.raises(BadRegistry, match="may not follow"):
            ledger.append(lambda standing: changed(last))
        assert len(ledger.standing().entries) == before


def test_an_appeal_from_objection_to_outcome(ledger: Ledger) -> None:
    ledger.append(lambda standing: accepted())
    appeal = Objected(appeal="A-000001", submission="S-000001", objector="Rival", objection="too fast")
    run = Witnessed(appeal="A-000001", run_id="r2", witness="Wang", found="the same")
    end = Decided(appeal="A-000001", outcome="dismissed", reason="the same", reviewer="Li")
    assert not ledger.standing().under_review("S-000001")
    ledger.append(lambda standing: appeal)
    assert ledger.standing().under_review("S-000001")
    ledger.append(lambda standing: run)
    ledger.append(lambda standing: end)
    assert not ledger.standing().under_review("S-000001")
    for late in (run, end):
        with pytest.raises(BadRegistry, match="is decided"):
            ledger.append(lambda standing, late=late: late)  # type: ignore[misc]


def test_a_token_is_used_once_and_by_the_archive_that_is_accepted(ledger: Ledger) -> None:
    token = ledger.issue("Vendor", datetime.date(2099, 1, 1)).token
    used = Used(token=token, archive_sha256="ab", run_id="r1", passed=True)
    with pytest.raises(BadRegistry, match="was not used by this archive"):
        ledger.append(lambda standing: accepted(token=token))
    ledger.append(lambda standing: used)
    with pytest.raises(BadRegistry, match="was used by run r1 already"):
        ledger.append(lambda standing: used)
    with pytest.raises(BadRegistry, match="was not used by this archive"):
        ledger.append(lambda standing: accepted(token=token, sha256="cd"))
    ledger.append(lambda standing: accepted(token=token))
    for again in (accepted("S-000002"), accepted("S-000001", "r9", "ef")):
        with pytest.raises(BadRegistry, match="already"):
            ledger.append(lambda standing, again=again: again)  # type: ignore[misc]
    with pytest.raises(BadRegistry, match="by its first entry"):
        ledger.append(lambda standing: Opened(name="again"))


def commit_of(ledger: Ledger, name: str, text: str, *parents: str, keep: bool = True) -> str:
    """A commit by hand: the entries that there are, if they are kept, and another file."""
    blob = git(ledger, "hash-object", "-w", "--stdin", stdin=text)
    rows = [row for row in git(ledger, "ls-tree", "main:entries").splitlines() if keep and not row.endswith(name)]
    inner = git(ledger, "mktree", stdin="\n".join([*rows, f"100644 blob {blob}\t{name}"]) + "\n")
    tree = git(ledger, "mktree", stdin=f"040000 tree {inner}\tentries\n")
    return git(ledger, "commit-tree", tree, *(part for parent in parents for part in ("-p", parent)), "-m", "x")


def test_what_was_changed_by_hand_shows(ledger: Ledger) -> None:
    noted = ledger.append(lambda standing: accepted()).commit
    ledger.append(lambda standing: changed("suspended"))
    head = git(ledger, "rev-parse", "main")
    first = git(ledger, "show", "main:entries/00000001.json")
    third = git(ledger, "show", "main:entries/00000003.json")
    forged = {
        "changed": (commit_of(ledger, "00000001.json", first.replace("Lab", "Lub"), head), "not-appended"),
        "emptied": (commit_of(ledger, "00000004.json", third, head, keep=False), "not-appended"),
        "wrong number": (commit_of(ledger, "00000004.json", third, head), "entry"),
        "not JSON": (commit_of(ledger, "00000004.json", "{", head), "entry"),
        "merged": (commit_of(ledger, "00000004.json", third, head, noted), "not-linear"),
        "begun anew": (commit_of(ledger, "00000001.json", first, keep=False), "rewritten"),
    }
    for name, (commit, code) in forged.items():
        git(ledger, "update-ref", "refs/heads/main", commit)
        assert code in {found for found, _ in audit(ledger, since=noted)}, name
    git(ledger, "update-ref", "refs/heads/main", head)
    assert list(audit(ledger, since=noted)) == []
    blob = git(ledger, "rev-parse", "main:entries/00000002.json")
    file = ledger.repository.folder / "objects" / blob[:2] / blob[2:]
    file.chmod(0o644)
    file.write_bytes(file.read_bytes()[:-4] + b"xxxx")
    assert [code for code, _ in audit(ledger)] == ["objects"]
