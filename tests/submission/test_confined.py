"""Parquet of others is read in a process with limits: what no driver wrote is named, and costs that process alone."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import pytest

from bench.store.timeline_file import write_timeline
from bench.submission import confined
from bench.submission.answers import MOST_ARRAYS_BYTES, load_arrays
from bench.submission.confined import Reader
from bench.submission.parquet_child import MOST_DATA_BYTES
from bench.submission.timelines import BadTimeline, read_foreign

from .parquet import DATA_PAGE, DICTIONARY_PAGE, GZIP, dictionary, page, runs, varint, write

PLAIN = {
    "scheduled": np.arange(0, 4000, 1000),
    "started": np.arange(10, 4000, 1000),
    "ended": np.arange(600, 4600, 1000),
    "query": np.arange(4),
    "batch": np.arange(4, dtype=np.int32),
    "worker": np.zeros(4, np.int16),
    "status": np.zeros(4, np.uint8),
    "sample": np.array([3, 1, 2, 0], np.int32),
}


def test_what_was_written_comes_back(tmp_path: Path) -> None:
    write_timeline(tmp_path / "t.parquet", PLAIN)
    found = read_foreign(tmp_path / "t.parquet")
    assert {name: column.tolist() for name, column in found.items()} == {k: v.tolist() for k, v in PLAIN.items()}
    assert {found[name].dtype for name in ("scheduled", "started", "ended")} == {np.dtype(np.int64)}


def test_our_own_writer_by_hand_is_read_as_any_other(tmp_path: Path) -> None:
    """Else the hostile files below might be refused for a slip of ours."""
    pages = dictionary(7) + page(DATA_PAGE, runs(3), 3)
    file = write(tmp_path / "t.parquet", pages, 3)
    with duckdb.connect() as connection:
        assert connection.execute("SELECT started FROM read_parquet(?)", [str(file)]).fetchall() == [(7,)] * 3
    with pytest.raises(BadTimeline, match="no column 'batch'"):
        read_foreign(file)


def by_duckdb(query: str, rows: int) -> Callable[[Path], object]:
    def make(file: Path) -> None:
        with duckdb.connect() as connection:
            notes = f"{{schema: '1', rows: '{rows}'}}"
            connection.execute(f"COPY ({query}) TO '{file}' (FORMAT parquet, KV_METADATA {notes})")

    return make


FEW = page(DATA_PAGE, runs(3), 3)
HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "nothing": (lambda file: file.write_bytes(b""), ""),
    "no Parquet": (lambda file: file.write_bytes(b"PAR1" * 1000), ""),
    "a footer that is longer than the file": (lambda file: file.write_bytes(b"PAR1" + b"\xff\xff\xff\x7fPAR1"), ""),
    "a link": (lambda file: file.symlink_to("/etc/passwd"), ""),
    "a device": (lambda file: file.symlink_to("/dev/zero"), ""),
    "more rows than a driver keeps": (lambda file: write(file, dictionary() + FEW, 10**12), "rows; expected 1 to"),
    "rows below zero": (lambda file: write(file, dictionary() + FEW, -1), ""),
    "billions of rows in one run": (
        lambda file: write(file, dictionary() + page(DATA_PAGE, runs(4_000_000_000), 2**31 - 1), 10_000_000),
        "",
    ),
    "a run that is longer than the rows": (
        lambda file: write(file, dictionary() + page(DATA_PAGE, runs(1 << 60), 3), 3),
        "",
    ),
    "a dictionary that says it is 2 GB": (
        lambda file: write(file, dictionary(claimed=2**31 - 1) + FEW, 3),
        "",
    ),
    "a dictionary of two billion values": (
        lambda file: write(file, page(DICTIONARY_PAGE, bytes(8), 2**31 - 1) + FEW, 3),
        "",
    ),
    "a dictionary below zero": (lambda file: write(file, page(DICTIONARY_PAGE, bytes(8), -5) + FEW, 3), ""),
    "a page below zero": (lambda file: write(file, dictionary(claimed=-1) + FEW, 3), ""),
    "an index beyond the dictionary": (
        lambda file: write(file, dictionary() + page(DATA_PAGE, bytes([8]) + varint(3 << 1) + b"\xff", 3), 3),
        "",
    ),
    "groups within groups": (lambda file: write(file, dictionary() + FEW, 3, depth=2000), ""),
    "a thousand columns": (
        lambda file: write(file, dictionary() + FEW, 3, tuple(f"c{number}" for number in range(1000))),
        "unknown column",
    ),
    "a column of another name": (
        lambda file: write(file, dictionary() + FEW, 3, ("stared",)),
        "unknown column 'stared'",
    ),
    "a name for a terminal": (lambda file: write(file, dictionary() + FEW, 3, ("\x1b[2J",)), "unknown column"),
    "a name for a path": (lambda file: write(file, dictionary() + FEW, 3, ("../../x",)), "unknown column"),
    "a name for SQL": (lambda file: write(file, dictionary() + FEW, 3, ('"; COPY',)), "unknown column"),
    "a column twice": (lambda file: write(file, dictionary() + FEW, 3, ("started", "started")), ""),
    "notes of another count": (
        lambda file: write(file, dictionary() + FEW, 3, notes={"rows": "4"}),
        "its notes say '4'",
    ),
    "a constant that is none": (
        lambda file: write(file, dictionary() + FEW, 3, notes={"constant:worker": "x"}),
        "invalid literal",
    ),
    "a constant beyond 64 bits": (
        lambda file: write(file, dictionary() + FEW, 3, notes={"constant:worker": "9" * 20}),
        "",
    ),
    "a note of a million characters": (
        lambda file: write(file, dictionary() + FEW, 3, notes={"constant:worker": "1" * 1_000_000}),
        "its notes say",
    ),
    "gaps": (by_duckdb("SELECT CASE WHEN i > 1 THEN i END started FROM range(4) t(i)", 4), "`started` has gaps"),
    "fractions": (by_duckdb("SELECT i / 2 started FROM range(4) t(i)", 4), "not of whole numbers"),
    "texts": (by_duckdb("SELECT 'x' started FROM range(4)", 4), "not of whole numbers"),
    "a list": (by_duckdb("SELECT [i] started FROM range(4) t(i)", 4), ""),
    "days": (by_duckdb("SELECT DATE '2020-01-01' started FROM range(4)", 4), ""),
    "numbers beyond 63 bits": (
        by_duckdb("SELECT (9223372036854775808 + i)::UBIGINT started FROM range(4) t(i)", 4),
        "beyond",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_no_driver_wrote_is_named(tmp_path: Path, kind: str) -> None:
    make, words = HOSTILE[kind]
    make(tmp_path / "t.parquet")
    with pytest.raises(BadTimeline) as caught:
        read_foreign(tmp_path / "t.parquet")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    # The next one is read as if nothing had been.
    write_timeline(tmp_path / "good.parquet", PLAIN)
    assert read_foreign(tmp_path / "good.parquet")["query"].tolist() == [0, 1, 2, 3]


def bomb(file: Path, size: int) -> None:
    """A dictionary of `size` bytes of zeros, a thousand times smaller in the file."""
    write(file, page(DICTIONARY_PAGE, bytes(size), size // 8, codec=GZIP) + FEW, 3, codec=GZIP)


def test_a_dictionary_that_unpacks_beyond_the_limit_ends_its_reader_alone(tmp_path: Path) -> None:
    bomb(tmp_path / "t.parquet", MOST_DATA_BYTES + (64 << 20))
    assert (tmp_path / "t.parquet").stat().st_size < 4 << 20
    with pytest.raises(BadTimeline):
        read_foreign(tmp_path / "t.parquet")
    # That of the largest fork there has been: the limit, and what programs map of libraries.
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    assert children < 2 * MOST_DATA_BYTES or "PYTEST_XDIST_WORKER" in os.environ


@pytest.mark.parametrize(
    ("code", "patience_s", "words"),
    [
        ("os.kill(os.getpid(), signal.SIGSEGV)", 60.0, "the reader ended by SIGSEGV"),
        ("os._exit(0)", 60.0, "the reader left no reply"),
        ("raise SystemExit(5)", 60.0, "the reader ended with code 1"),
        ("(arguments[1] / 'reply.json').write_text('[[')\n    os._exit(0)", 60.0, "left no reply"),
        ("return {'rows': 4, 'columns': ['started'], 'constants': {}}", 60.0, "left no whole column 'started'"),
        ("return {'rows': 1 << 60, 'columns': ['started'], 'constants': {}}", 60.0, "left what is no timeline"),
        ("return {'rows': 4, 'columns': ['../started'], 'constants': {}}", 60.0, "left what is no timeline"),
        ("time.sleep(60)", 2.0, "could not be read within 2 s"),
        ("while True: pass", 2.0, "could not be read within 2 s"),
    ],
)
def test_a_reader_that_dies_hangs_or_lies_is_a_finding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, patience_s: float, words: str
) -> None:
    """As a parser with a hole would; the file itself is a good one."""
    write_timeline(tmp_path / "t.parquet", PLAIN)
    (tmp_path / "program.py").write_text(
        "import os, signal, sys, time\nfrom bench.submission import parquet_child as child\n"
        f"def read(*arguments):\n    {code}\n"
        "child.read = read\nchild.main(int(sys.argv[1]), sys.stdin, sys.stdout)\n"
    )
    reader = Reader((str(tmp_path / "program.py"),))
    monkeypatch.setattr(confined, "_reader", lambda: reader)
    monkeypatch.setattr(confined, "PATIENCE_S", patience_s)
    try:
        for _ in range(2):  # as often as it is asked
            with pytest.raises(BadTimeline, match=words):
                read_foreign(tmp_path / "t.parquet")
    finally:
        reader.end()


def test_answers_larger_than_any_run_keeps_are_not_loaded(tmp_path: Path) -> None:
    with open(tmp_path / "outputs.safetensors", "wb") as file:
        file.write((8).to_bytes(8, "little") + b"{}      ")
        file.truncate(MOST_ARRAYS_BYTES + 1)  # no room on the disk
    with pytest.raises(ValueError, match="no more than"):
        load_arrays(tmp_path / "outputs.safetensors")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 16,
        (1 << 62).to_bytes(8, "little"),
        (80).to_bytes(8, "little")
        + b'{"a":{"dtype":"F32","shape":[1099511627776],"data_offsets":[0,4398046511104]}}  '
        + bytes(4),
        (64).to_bytes(8, "little") + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"b":' + b"[" * 7,
    ],
)
def test_answers_that_lie_about_their_size_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "outputs.safetensors").write_bytes(content)
    with pytest.raises(ValueError, match=r"outputs.safetensors: "):
        load_arrays(tmp_path / "outputs.safetensors")
