"""Settings that make a machine's speed steadier, changed for as long as a command runs, and put back after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from bench.hardware.files import Files
from bench.host.leftover import CannotTune, Change, forget, held, leftover, note_down, restore, write_word

_CPUS = "sys/devices/system/cpu"


def changes(files: Files) -> list[Change]:
    """What would be changed here: clock governors to `performance`, where the driver has it.

    Turbo, SMT and huge pages stay as they are: no choice is steadier everywhere, and the record says which it was.
    """
    found = []
    for path in files.names(f"{_CPUS}/cpu[0-9]*/cpufreq/scaling_governor"):
        offered = (files.text(path.replace("scaling_governor", "scaling_available_governors")) or "").split()
        before = files.text(path)
        if before and before != "performance" and "performance" in offered:
            found.append(Change(knob="governor", path=path, before=before, after="performance"))
    return found


def summary(wanted: Sequence[Change]) -> tuple[str, ...]:
    """One entry for each kind of change, `governor: powersave → performance`."""
    return tuple(dict.fromkeys(f"{one.knob}: {one.before} → {one.after}" for one in wanted))


@contextlib.contextmanager
def applied(files: Files) -> Iterator[tuple[Change, ...]]:
    """Make the changes, and undo those that were made when the block ends, however it ends. Raises CannotTune.

    What one that was killed left is put back first. What is going to be changed is on disk before it is.
    """
    if not changes(files) and not leftover(files):
        yield ()  # nothing to do takes no rights
        return
    with held(files):
        restore(files)
        wanted = tuple(changes(files))
        note_down(files, wanted)
        done: list[Change] = []
        try:
            for one in wanted:
                done.append(one)
                write_word(files, one.path, one.after)
            yield wanted
        finally:
            _undo(files, done)


def _undo(files: Files, done: Sequence[Change]) -> None:
    """All of it, also where one cannot be put back; then the note stays. Raises CannotTune."""
    failed = []
    for one in reversed(done):
        try:
            if files.text(one.path) not in (one.before, None):  # of no word nothing was changed
                write_word(files, one.path, one.before)
        except CannotTune as error:  # the others are put back all the same
            failed.append(str(error))
    if failed:
        raise CannotTune(f"{failed[0]} `bench host restore` tries again.")
    forget(files)
