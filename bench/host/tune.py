"""Settings that make a machine's speed steadier, changed for as long as a command runs, and put back after it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

import msgspec

from bench.hardware.files import Files

_CPUS = "sys/devices/system/cpu"


class CannotTune(ValueError):
    """A setting that could not be changed; one line with the file and what to do."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A file of the system whose word is changed."""

    knob: str
    path: str
    before: str
    after: str


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
def applied(files: Files, wanted: Sequence[Change]) -> Iterator[None]:
    """Make the changes, and undo those that were made when the block ends, however it ends. Raises CannotTune."""
    done: list[Change] = []
    try:
        for one in wanted:
            _write(files, one.path, one.after)
            done.append(one)
        yield
    finally:
        failed = []
        for one in reversed(done):
            try:
                _write(files, one.path, one.before)
            except CannotTune as error:  # the others are put back all the same
                failed.append(str(error))
        if failed:
            raise CannotTune(failed[0])


def _write(files: Files, path: str, word: str) -> None:
    try:
        with open(files.root / path, "r+") as file:
            file.write(word)
    except OSError as error:
        raise CannotTune(
            f"/{path} cannot be set to {word}: {error.strerror or error}; this takes the rights of root."
        ) from None
    if files.text(path) != word:
        raise CannotTune(f"/{path} was set to {word} and shows {files.text(path)}: the driver does not take it.")
