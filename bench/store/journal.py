"""The journal of a results directory: a line for every run that was started, each with the hash of the one before.

Lines are only ever added. What was cut off by a kill in the midst of a line counts for nothing and is removed.
"""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import hashlib
import os
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from bench.records.hashing import record_hash
from bench.records.journal import JournalLine
from bench.records.plan import RunPlan
from bench.records.record import Run
from bench.records.untrusted import BadFile, parse_json, read_bytes

JOURNAL = "journal.jsonl"
START = "0" * 64
_MAY_HOLD_PATHS = frozenset({"model", "data", "trace", "profile", "power", "settings", "preparation"})
_MOST_BYTES = 64 << 20


def note(results: Path, run: Run, event: Literal["started", "resumed", "ended"]) -> None:
    """Add a line about a run to the journal of its results directory, on disk when this returns. Raises BadFile where
    the journal is broken: a chain that is torn is not gone on with."""
    file = results / JOURNAL
    with open(file, "ab+") as opened:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(opened, fcntl.LOCK_EX)
        number, previous = _end(opened, file)
        line = JournalLine(
            number=number + 1,
            previous=previous,
            at=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
            event=event,
            run_id=run.run_id,
            mode=run.plan.mode,
            plan=plan_hash(run.plan),
            token=run.plan.token,
            status=run.status if event == "ended" else None,
        )
        opened.write(msgspec.json.encode(line, order="deterministic") + b"\n")
        opened.flush()
        os.fsync(opened.fileno())


def plan_hash(plan: RunPlan) -> str:
    """The hash of a plan without what may be redacted in an archive: names of files, and settings."""
    plain = msgspec.to_builtins(plan)
    return record_hash({name: value for name, value in plain.items() if name not in _MAY_HOLD_PATHS})


def whole(content: bytes) -> bytes:
    """A journal up to its last whole line."""
    return content[: content.rfind(b"\n") + 1]


def read_journal(file: Path) -> bytes:
    """The whole lines of a journal. Raises BadFile."""
    return whole(read_bytes(file, _MOST_BYTES))


def lines_of(content: bytes, origin: str) -> list[tuple[JournalLine, str]]:
    """Every line of a journal with its own hash; their chain is not looked at. Raises BadFile."""
    return [
        (parse_json(line, JournalLine, f"{origin}, line {number}"), line_hash(line))
        for number, line in enumerate(content.splitlines(), 1)
    ]


def line_hash(line: bytes) -> str:
    """What the line after this one calls it, in hexadecimal digits."""
    return hashlib.sha256(line).hexdigest()


def _end(opened: BinaryIO, file: Path) -> tuple[int, str]:
    """Number and hash of the last whole line; what follows it is removed."""
    opened.seek(0)
    content = opened.read(_MOST_BYTES + 1)
    if len(content) > _MOST_BYTES:
        raise BadFile(f"{file}: larger than {_MOST_BYTES} bytes; measure into another results directory (`--output`).")
    kept = whole(content)
    if len(kept) < len(content):
        opened.truncate(len(kept))
    if not kept:
        return 0, START
    last = kept.splitlines()[-1]
    try:
        return parse_json(last, JournalLine, str(file)).number, line_hash(last)
    except BadFile as error:
        raise BadFile(
            f"{error}. The journal of started runs is broken; keep it, and measure into another one."
        ) from None
