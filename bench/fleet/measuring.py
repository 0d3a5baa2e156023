"""The process on a node that measures: the ordinary runner, waiting between repetitions until its files are fetched.

Started by `bench.fleet.agent` as `python -m bench.fleet.measuring JOB EVENTS_FD PARENT`; "go" comes by stdin.
"""

from __future__ import annotations

import hashlib
import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType
from typing import IO

import msgspec

from bench.fleet.messages import At, Ended, Files, Message, Placed, Sent
from bench.host.engine_process import die_with_parent
from bench.plugins import one_line
from bench.repetition import Led
from bench.runner import Progress, execute, prepare
from bench.store.runs import RECORD, RUN, TRIAL, RunFolder

GATES = "gates"
# The mark of a whole thing comes after what it vouches for.
_LAST = {TRIAL: 1, RECORD: 2, RUN: 3}


class Sender:
    """Tells of progress and files, and waits for the word to go on."""

    def __init__(self, events: IO[bytes], words: IO[bytes]) -> None:
        self._events, self._words = events, words
        self._told: dict[str, tuple[int, int]] = {}

    def observe(self, progress: Progress) -> None:
        """Take in one event of the runner; returns when nothing is left to fetch."""
        if progress.event == "phase" and progress.phase is not None:
            measurements = progress.run.measurements
            self.send(
                At(
                    position=progress.position,
                    total=len(measurements),
                    measurement=measurements[progress.position].name,
                    repetition=progress.repetition,
                    phase=progress.phase.name,
                )
            )
        else:
            self._offer(progress.folder)

    def send(self, message: Message) -> None:
        self._events.write(msgspec.json.encode(message) + b"\n")
        self._events.flush()

    def _offer(self, folder: Path) -> None:
        new = [self._sent(folder, file) for file in whole_files(folder) if self._is_new(folder, file)]
        if new:
            self.send(Files(files=tuple(new)))
            if not self._words.readline():
                raise KeyboardInterrupt  # nobody is there any more

    def _is_new(self, folder: Path, file: Path) -> bool:
        seen, name = file.stat(), file.relative_to(folder).as_posix()
        state = (seen.st_size, seen.st_mtime_ns)
        before, self._told[name] = self._told.get(name), state
        return before != state

    def _sent(self, folder: Path, file: Path) -> Sent:
        with open(file, "rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        return Sent(path=file.relative_to(folder).as_posix(), bytes=file.stat().st_size, sha256=digest)


def whole_files(folder: Path) -> list[Path]:
    """The files of a run that will not change under whoever reads them, marks of whole things last."""
    found = []
    for file in folder.rglob("*"):
        within = file.relative_to(folder)
        begun = len(within.parts) > 2 and within.parts[1].startswith(("trial-", "searching", "candidates"))
        if not file.is_file() or any(part.startswith(".") for part in within.parts):
            continue
        if not begun or (folder / within.parts[0] / within.parts[1] / TRIAL).exists():
            found.append(file)
    return sorted(found, key=lambda file: (_LAST.get(file.name, 0), file))


def main(arguments: list[str]) -> int:
    """Entry: JOB file, file descriptor for events, process id of the agent."""
    job_file, events, parent = arguments
    die_with_parent(int(parent))
    signal.signal(signal.SIGTERM, _interrupted)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the head's to handle
    placed = msgspec.json.decode(Path(job_file).read_bytes(), type=Placed)
    os.set_inheritable(int(events), False)  # an engine must not hold the agent's pipe open
    with os.fdopen(int(events), "wb") as stream:
        sender = Sender(stream, sys.stdin.buffer)
        try:
            sender.send(_measured(placed, sender))
        except KeyboardInterrupt:
            sender.send(Ended(complete=False))
        except Exception as error:  # noqa: BLE001 - whatever it is, the head has to be told
            traceback.print_exc()
            sender.send(Ended(complete=False, why=one_line(error)))
    return 0


def _measured(placed: Placed, sender: Sender) -> Ended:
    folder, job = Path(placed.folder), placed.job
    gate = folder / GATES if job.gated else None
    led = Led(run_id=job.run_id, part=job.part, gate=gate)
    _, run = execute(prepare(job.plan), folder / "results", sender.observe, led)
    records = RunFolder.of(folder / "results", run.run_id).load_records()
    unsound = [record.measurement.name for record in records if not record.valid]
    if run.status != "complete":
        return Ended(complete=False, ran=True, why="the run is partial")
    return Ended(complete=True, ran=True, why=f"not valid: {', '.join(unsound)}" if unsound else "")


def _interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
