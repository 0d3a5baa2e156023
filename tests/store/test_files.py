"""`bench.store.files`: a reader sees the old file or the whole new one, whatever happens in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bench.store.files import write_atomically, write_bytes, write_record

from ..records.examples import RUN


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_is_written_with_its_folder(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a" / "b" / "file", b"new")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"new"
    assert names(tmp_path / "a" / "b") == ["file"]


def test_a_failure_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    def half(temporary: Path) -> None:
        temporary.write_bytes(b"ne")
        raise OSError("no room")

    write_bytes(tmp_path / "file", b"old")
    with pytest.raises(OSError, match="no room"):
        write_atomically(tmp_path / "file", half)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failure_of_the_disk_leaves_the_old_file(
    tmp_path: Path, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: object) -> None:
        raise OSError(5, "Input/output error")

    write_bytes(tmp_path / "file", b"old")
    monkeypatch.setattr(*((os, "fsync") if broken == "fsync" else (Path, "replace")), fails)
    with pytest.raises(OSError, match="Input/output error"):
        write_bytes(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_content_reaches_the_disk_before_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("sync"), sync(handle))[1])
    monkeypatch.setattr(Path, "replace", lambda self, target: (steps.append("rename"), replace(self, target))[1])
    write_bytes(tmp_path / "file", b"new")
    assert steps == ["sync", "rename", "sync"]


def test_a_kill_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    script = (
        "import os, signal, sys; from pathlib import Path; from bench.store.files import write_atomically\n"
        "def half(temporary): temporary.write_bytes(b'ne'); os.kill(os.getpid(), signal.SIGKILL)\n"
        "write_atomically(Path(sys.argv[1]), half)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "file")], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert (tmp_path / "file").read_bytes() == b"old"


def test_records_are_written_for_people_and_always_alike(tmp_path: Path) -> None:
    write_record(tmp_path / "first.json", RUN)
    write_record(tmp_path / "second.json", RUN)
    text = (tmp_path / "first.json").read_bytes()
    assert text == (tmp_path / "second.json").read_bytes()
    assert text.endswith(b"}\n")
    assert text.count(b"\n") > 20
    assert msgspec.json.decode(text, type=type(RUN)) == RUN
