"""The form of an archive: the same bytes again, and one line for whatever is none."""

from __future__ import annotations

import gzip
import hashlib
import io
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.submission.archive import BadArchive, Source, described, unpack, write_archive

FILES = {"b.txt": b"two", "a/c.json": b"{}", "a/b.bin": bytes(5000), "empty": b""}


def make(path: Path, files: dict[str, bytes]) -> str:
    sources = [Source(name=name, open=lambda content=content: io.BytesIO(content)) for name, content in files.items()]
    return write_archive(path, sources, {source.name: described(source) for source in sources})


def by_hand(*entries: tarfile.TarInfo, form: int = tarfile.USTAR_FORMAT) -> bytes:
    """A tar as anybody may write it; each entry with as many zeros as it says."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=form) as tar:
        for entry in entries:
            tar.addfile(entry, io.BytesIO(bytes(max(0, entry.size))))
    return stream.getvalue()


def entry(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, **more: object) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.size, found.mode = kind, size, 0o644
    for field, value in more.items():
        setattr(found, field, value)
    return found


def test_the_same_files_give_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    first = make(tmp_path / "one.tar", FILES)
    assert make(tmp_path / "two.tar", dict(reversed(FILES.items()))) == first
    content = (tmp_path / "one.tar").read_bytes()
    assert content == (tmp_path / "two.tar").read_bytes()
    assert hashlib.sha256(content).hexdigest() == first


def test_what_was_packed_comes_out(tmp_path: Path) -> None:
    digest = make(tmp_path / "one.tar", FILES)
    (tmp_path / "out").mkdir()
    found = unpack(tmp_path / "one.tar", tmp_path / "out")
    assert found.sha256 == digest
    assert {file.name: file.sha256 for file in found.files} == {
        name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()
    }
    assert {name: (tmp_path / "out" / name).read_bytes() for name in FILES} == FILES


def test_tar_itself_reads_it(tmp_path: Path) -> None:
    make(tmp_path / "one.tar", FILES)
    listed = subprocess.run(["tar", "tf", tmp_path / "one.tar"], check=True, capture_output=True, text=True)
    assert listed.stdout.split() == sorted(FILES)


def test_a_file_that_changes_while_it_is_packed(tmp_path: Path) -> None:
    source = Source(name="a", open=lambda: io.BytesIO(b"new"))
    old = described(Source(name="a", open=lambda: io.BytesIO(b"old")))
    with pytest.raises(BadArchive, match="changed while it was packed"):
        write_archive(tmp_path / "one.tar", [source], {"a": old})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../a", "/a", "a/../b", ".hidden", "a//b", "a/", "", "é", "a b", "x" * 300])
def test_names_that_are_not_written(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadArchive):
        make(tmp_path / "one.tar", {name: b""})


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"hello " * 200,
    "no end": lambda: by_hand(entry("a"))[:512],
    "traversal": lambda: by_hand(entry("../../etc/passwd")),
    "absolute": lambda: by_hand(entry("/etc/passwd")),
    "hidden": lambda: by_hand(entry("a/.ssh")),
    "link": lambda: by_hand(entry("a", tarfile.SYMTYPE, linkname="/etc/passwd")),
    "hard link": lambda: by_hand(entry("a"), entry("b", tarfile.LNKTYPE, linkname="a")),
    "device": lambda: by_hand(entry("a", tarfile.CHRTYPE, devmajor=1, devminor=3)),
    "fifo": lambda: by_hand(entry("a", tarfile.FIFOTYPE)),
    "folder": lambda: by_hand(entry("a", tarfile.DIRTYPE)),
    "twice": lambda: by_hand(entry("a"), entry("a")),
    "out of order": lambda: by_hand(entry("b"), entry("a")),
    "case": lambda: by_hand(entry("A"), entry("a")),
    "file and folder": lambda: by_hand(entry("a"), entry("a/b")),
    "other mode": lambda: by_hand(entry("a", mode=0o4755)),
    "owner": lambda: by_hand(entry("a", uname="root")),
    "time": lambda: by_hand(entry("a", mtime=1)),
    "long name": lambda: by_hand(entry("x" * 300), form=tarfile.PAX_FORMAT),
    "long name of GNU": lambda: by_hand(entry("x" * 300), form=tarfile.GNU_FORMAT),
    "not UTF-8": lambda: by_hand(entry("caf\udce9"), form=tarfile.GNU_FORMAT),
    "bytes behind": lambda: by_hand(entry("a"))[:1536] + b"secret",
    "compressed": lambda: gzip.compress(by_hand(entry("a"))),
    "cut off": lambda: by_hand(entry("a", size=2000))[:1500],
    "padding": lambda: by_hand(entry("a", size=3))[:520] + b"x" + by_hand(entry("a", size=3))[521:2048],
    "says it is huge": lambda: entry("a", size=8**11 - 1).tobuf(tarfile.USTAR_FORMAT) + bytes(1024),
    "size below zero": lambda: entry("a", size=-1).tobuf(tarfile.GNU_FORMAT) + bytes(1024),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_archives_get_one_line(tmp_path: Path, kind: str) -> None:
    (tmp_path / "bad.tar").write_bytes(HOSTILE[kind]())
    out = tmp_path / "inner" / "out"
    out.mkdir(parents=True)
    with pytest.raises(BadArchive) as caught:
        unpack(tmp_path / "bad.tar", out)
    assert "\n" not in str(caught.value)
    written = {file for file in tmp_path.rglob("*") if file.is_file()}
    assert all(file.is_relative_to(out) for file in written - {tmp_path / "bad.tar"}), "nothing lands elsewhere"


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "one.tar", FILES)
    (tmp_path / "out").mkdir()
    monkeypatch.setattr("bench.submission.archive.MOST_FILES", 3)
    with pytest.raises(BadArchive, match="more than 3 files"):
        unpack(tmp_path / "one.tar", tmp_path / "out")
    monkeypatch.setattr("bench.submission.archive.MOST_BYTES", 100)
    with pytest.raises(BadArchive, match="more than 100"):
        unpack(tmp_path / "one.tar", tmp_path / "out")
    with pytest.raises(BadArchive, match="no such file"):
        unpack(tmp_path, tmp_path / "out")


def test_entries_by_the_ten_thousand_are_refused_when_the_limit_is_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lies behind it is not read: of a million entries no more than the limit are made."""
    monkeypatch.setattr("bench.submission.archive.MOST_FILES", 500)
    one = entry("000000").tobuf(tarfile.USTAR_FORMAT)
    with open(tmp_path / "bad.tar", "wb") as file:
        file.write(b"".join(entry(f"{number:06d}").tobuf(tarfile.USTAR_FORMAT) for number in range(501)))
        file.truncate(1_000_000 * len(one))  # a million entries, were they written
    (tmp_path / "out").mkdir()
    with pytest.raises(BadArchive, match="more than 500 files"):
        unpack(tmp_path / "bad.tar", tmp_path / "out")
    assert len(list((tmp_path / "out").iterdir())) == 500


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_refused_or_shows_in_a_hash(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("changed")
    make(place / "one.tar", FILES)
    content = bytearray((place / "one.tar").read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    (place / "two.tar").write_bytes(content)
    (place / "first").mkdir()
    (place / "second").mkdir()
    before = unpack(place / "one.tar", place / "first")
    try:
        after = unpack(place / "two.tar", place / "second")
    except BadArchive:
        return
    assert after.files != before.files
