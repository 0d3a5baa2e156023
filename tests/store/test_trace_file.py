"""`bench.store.trace_file`: times that a user brings, sound or not, and nothing else that is on the disk."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from bench.records.untrusted import BadFile
from bench.store.trace_file import Trace, keep_trace, read_trace


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "text",
    [
        "seconds\n10.5\n10.25\n12\n",
        "10.5\n10.25\n12\n",
        "camera,seconds\n1,10.5\n2,10.25\n1,12\n",
        "seconds,note\n10.5,a\n10.25,b\n12,\n",
    ],
)
def test_a_column_of_seconds(tmp_path: Path, text: str) -> None:
    trace = read_trace(written(tmp_path / "times.csv", text))
    assert trace.times_ns.tolist() == [0, 250_000_000, 1_750_000_000]
    assert trace.queries == 3
    assert trace.rate_per_s == pytest.approx(3 / 1.75)


def test_parquet_says_the_same_as_text(tmp_path: Path) -> None:
    seconds = np.sort(np.random.default_rng(0).uniform(0, 100, 1000))
    written(tmp_path / "times.csv", "seconds\n" + "\n".join(repr(float(one)) for one in seconds))
    target = tmp_path / "it's.parquet"
    with duckdb.connect() as connection:
        connection.register("times", {"seconds": seconds})
        connection.execute(
            f"COPY (SELECT * FROM times) TO '{str(target).replace(chr(39), chr(39) * 2)}' (FORMAT parquet)"
        )
    text, parquet = read_trace(tmp_path / "times.csv"), read_trace(target)
    assert text.sha256 == parquet.sha256
    assert np.abs(parquet.times_ns / 1e9 - (seconds - seconds[0])).max() < 1e-9


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "times.csv"),
        (b"seconds\n1\n", "it holds 1 times"),
        (b"seconds\n1\nx\n3\n", "times.csv"),
        (b"seconds\n1\nnan\n3\n", "not finite"),
        (b"seconds\n1\ninf\n3\n", "not finite"),
        (b"seconds\n1\n\n3\n4\n", "missing"),
        (b"a,b\n1,2\n3,4\n", "expected one called `seconds`"),
        (b"seconds\n5\n5\n", "span 0 s"),
        (b"seconds\n0\n1e9\n", "one day"),
        (b"PAR1 and then nothing of the kind", "times.csv"),
        (bytes(range(256)) * 40, "times.csv"),
    ],
)
def test_what_is_no_trace_is_refused_in_one_line(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "times.csv"
    path.write_bytes(content)
    with pytest.raises(BadFile) as raised:
        read_trace(path)
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_folder_or_nothing(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "absent.csv"):
        with pytest.raises(BadFile, match="no such file"):
            read_trace(path)


def test_kept_times_come_back(tmp_path: Path) -> None:
    trace = Trace(times_ns=np.array([0, 7, 9], np.int64))
    keep_trace(tmp_path / "trace.npy", trace)
    assert np.load(tmp_path / "trace.npy", allow_pickle=False).tolist() == [0, 7, 9]
