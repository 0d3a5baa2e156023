"""The process that reads Parquet files which somebody handed in: each in a fork of its own, with limits.

Started by `bench.submission.confined` as `python -m bench.submission.parquet_child PARENT`; asks are lines of JSON, and
the answer to one is how its fork ended. A fork has 512 MiB of data and a minute of processor time, and leaves columns
as plain files; a parser that runs wild ends alone.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import resource
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any  # Any: plain JSON

import numpy as np

from bench.host.engine_process import die_with_parent

if TYPE_CHECKING:
    import duckdb

MOST_DATA_BYTES = 512 << 20
MOST_CPU_S = 60
# duckdb asks for room that it does not use.
_MOST_ADDRESSES = 3 << 30
_DUCKDB_BYTES = 256 << 20
REPLY = "reply.json"
# In this order: the first one that is broken is told.
COLUMNS = ("scheduled", "started", "ended", "query", "batch", "worker", "status", "sample", "stream")
# Columns of one value stand in the notes.
_CONSTANT = "constant:"
# What a column is left as; ten million rows of nine columns would be 720 MB in the widest.
DTYPES: dict[str, type[np.integer[Any]]] = {
    "batch": np.int32,
    "sample": np.int32,
    "stream": np.int32,
    "worker": np.int16,
    "status": np.uint8,
}
_INTEGERS = frozenset({"INT32", "INT64"})


class NotATimeline(ValueError):
    """A file of another form; one line."""


def read(file: Path, folder: Path, most_rows: int) -> dict[str, Any]:
    """Leave the columns of `file` in `folder`, and give rows, constants and the names of columns that vary.

    Nothing is read before form and size are known; one column is held at a time. Raises NotATimeline or duckdb.Error.
    """
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 1,
        "memory_limit": f"{_DUCKDB_BYTES}B",
        "temp_directory": "",
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    with duckdb.connect(config=config) as connection:
        quoted = str(file).replace("'", "''")
        connection.execute(f"SET allowed_paths = ['{quoted}']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        rows, names, notes = _form(connection, str(file), most_rows)
        for name in names:
            _write_column(connection, str(file), name, folder, rows)
    constants = {key.removeprefix(_CONSTANT): int(value) for key, value in notes.items() if key.startswith(_CONSTANT)}
    return {"rows": rows, "columns": [name for name in names if name != "row"], "constants": constants}


def _form(connection: duckdb.DuckDBPyConnection, file: str, most_rows: int) -> tuple[int, list[str], dict[str, str]]:
    """Rows, columns and notes, as few and as plain as those of a timeline, from the file's metadata alone."""
    ((rows,),) = connection.execute("SELECT num_rows FROM parquet_file_metadata(?)", [file]).fetchall()
    columns = connection.execute("SELECT name, type FROM parquet_schema(?) LIMIT 100", [file]).fetchall()[1:]
    asked = "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?) LIMIT 100"
    notes = dict(connection.execute(asked, [file]).fetchall())
    if not 0 < rows <= most_rows:
        raise NotATimeline(f"{rows} rows; expected 1 to {most_rows}")
    names = [name for name, _ in columns]
    constant = [key.removeprefix(_CONSTANT) for key in notes if key.startswith(_CONSTANT)]
    if strange := sorted(set(names + constant) - {*COLUMNS, "row"}):
        raise NotATimeline(f"unknown column {strange[0][:80]!r}")
    if twice := {name for name in names if (names + constant).count(name) > 1}:
        raise NotATimeline(f"the column {min(twice)!r} is there twice")
    if any(kind not in _INTEGERS for _, kind in columns):
        raise NotATimeline("a column that is not of whole numbers")
    if notes.get("rows") != str(rows) or any(len(value) > 20 for value in notes.values()):
        raise NotATimeline(f"{rows} rows, and its notes say {notes.get('rows', 'nothing')[:20]!r}")
    return rows, names, notes


def _write_column(connection: duckdb.DuckDBPyConnection, file: str, name: str, folder: Path, rows: int) -> None:
    column = connection.execute(f'SELECT "{name}" FROM read_parquet(?)', [file]).fetchnumpy()[name]
    if np.ma.is_masked(column) or column.dtype.kind not in "iu":
        raise NotATimeline(f"`{name}` has gaps, or is not of whole numbers")
    if len(column) != rows:
        raise NotATimeline(f"`{name}` has {len(column)} values, and the file says {rows}")
    target = DTYPES.get(name, np.int64)
    low, high = int(column.min()), int(column.max())
    if not np.iinfo(target).min <= low <= high <= np.iinfo(target).max:
        raise NotATimeline(f"`{name}` goes from {low} to {high}, beyond what can be")
    if name != "row":
        np.asarray(column).astype(target, copy=False).tofile(folder / f"{name}.bin")


def _limited() -> None:
    for what, most in (
        (resource.RLIMIT_DATA, MOST_DATA_BYTES),
        (resource.RLIMIT_AS, _MOST_ADDRESSES),
        (resource.RLIMIT_CPU, MOST_CPU_S),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 8 * 20_000_000),
    ):
        with contextlib.suppress(ValueError, OSError):  # macOS has not all of them
            resource.setrlimit(what, (most, most))


def _reading(asked: dict[str, Any], zygote: int) -> int:
    """In the fork: read, and leave a reply; 0 where there is one."""
    import duckdb

    die_with_parent(zygote)
    folder = Path(asked["folder"])
    try:
        _limited()
        reply = read(Path(asked["file"]), folder, int(asked["most_rows"]))
    except NotATimeline as error:
        reply = {"error": str(error)}
    except (duckdb.Error, UnicodeDecodeError, MemoryError, OverflowError, ValueError, TypeError) as error:
        reply = {"error": next(iter(str(error).splitlines()), type(error).__name__)[:200]}
    (folder / REPLY).write_text(json.dumps(reply))
    return 0


def main(parent: int, asks: IO[str], answers: IO[str]) -> None:
    """A fork for each file that is asked for; how it ended is the answer."""
    die_with_parent(parent)
    importlib.import_module("duckdb")  # once, for all forks
    zygote = os.getpid()
    for line in asks:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = _reading(json.loads(line), zygote)
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.stdin, sys.stdout)
