"""`make perf-opencl`: every network at batch 1 and 8 in fp32, on each OpenCL device, beside onnxruntime on the CPU.

Each row is measured in two fresh processes that share an empty cache of PoCL's: the first one's start is the first
start, the second one's the warm start. Other drivers keep caches of their own, which may be warm at the first start.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from bench.backends.opencl.backend import BACKEND
from bench.text.figures import latency, share

from .row import Request, Row

WORKLOADS = (
    "image_classify", "image_classify_edge", "object_detect", "face_verify", "speech_command", "speech_recognize",
)  # fmt: skip
_LEGEND = """\
speed: times as fast as onnxruntime with the same threads; off: largest difference from its answers, over their largest.
first, warm: from compile to the first answer, with PoCL's cache empty and full.
outside: share of a batch outside kernels and copies."""


def main(arguments: Sequence[str]) -> int:
    """0 where every row was measured, 1 otherwise, 2 for what cannot be asked."""
    given = _parsed(arguments)
    telling = Console(stderr=True, highlight=False, soft_wrap=True)
    here = [one.address for one in BACKEND.devices()]
    unknown = sorted(set(given.device) - set(here))
    if unknown or not here:
        telling.print(f"OpenCL has {', '.join(here) or BACKEND.why_none()}; asked was {', '.join(unknown) or 'any'}.")
        return 2
    rows, failed = [], 0
    for address in given.device or here:
        for workload in given.workload or WORKLOADS:
            for batch in given.batch or (1, 8):
                request = Request(workload=workload, address=address, batch=batch, rounds=given.rounds)
                telling.print(f"{address} {workload} batch {batch} …")
                try:
                    rows.append(in_processes(request))
                except NoRow as why:
                    failed += 1
                    telling.print(f"{address} {workload} batch {batch}: {why}", markup=False)
    print_rows(Console(width=160), rows)
    if given.json is not None:
        document = {"POCL_AFFINITY": os.environ.get("POCL_AFFINITY"), "rows": rows}
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(document)))
    return 1 if failed else 0


class NoRow(Exception):
    """A row that could not be measured; one line."""


def in_processes(request: Request) -> Row:
    """A row by two fresh processes. Raises NoRow."""
    with tempfile.TemporaryDirectory() as cache:
        first = _child(msgspec.structs.replace(request, rounds=0), cache)
        return msgspec.structs.replace(_child(request, cache), first_start_ns=first.start_ns)


def _child(request: Request, cache: str) -> Row:
    asked = msgspec.json.encode(request).decode()
    ended = subprocess.run(
        [sys.executable, "-m", "tests.perf.opencl.row", asked],
        capture_output=True, text=True, check=False, env={**os.environ, "POCL_CACHE_DIR": cache},
    )  # fmt: skip
    if ended.returncode:
        raise NoRow((ended.stderr.strip().splitlines() or [f"ended with {ended.returncode}"])[-1])
    return msgspec.json.decode(ended.stdout.splitlines()[-1], type=Row)


def print_rows(console: Console, rows: Sequence[Row]) -> None:
    """A table, device by device."""
    for device in dict.fromkeys(row.device for row in rows):
        table = Table(box=None, header_style="bold", title=device, title_justify="left")
        for name in ("workload", "batch", "opencl", "onnxruntime", "speed", "95 %", "off", "first", "warm", "outside"):
            table.add_column(name, justify="left" if name == "workload" else "right", no_wrap=True)
        for row in rows:
            if row.device == device:
                table.add_row(*_cells(row))
        console.print(table)
    console.print(_LEGEND)


def _cells(row: Row) -> tuple[str, ...]:
    low, mean, high = row.speed or (0.0, 0.0, 0.0)
    name = row.workload + (f" ({row.host_operators} operators on the host)" if row.host_operators else "")
    return (
        name, str(row.batch), latency(row.opencl_ns or 0.0), latency(row.onnxruntime_ns or 0.0), f"{mean:.2f}",
        f"{low:.2f} to {high:.2f}", f"{row.off or 0.0:.1e}", latency(row.first_start_ns or 0.0), latency(row.start_ns),
        "" if row.outside is None else share(row.outside),
    )  # fmt: skip


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make perf-opencl", description=__doc__)
    parser.add_argument(
        "--device", action="append", default=[], help="as `bench list --devices` has it; all by default"
    )
    parser.add_argument("--workload", action="append", choices=WORKLOADS, help="may be repeated; all by default")
    parser.add_argument("--batch", action="append", type=_whole(1), help="may be repeated; 1 and 8 by default")
    parser.add_argument("--rounds", type=_whole(2), default=20, help="pairs of rounds")
    parser.add_argument("--json", type=Path, help="file to write the rows to, too")
    return parser.parse_args(arguments)


def _whole(least: int):  # type: ignore[no-untyped-def]  # what argparse calls a type
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return value

    return number


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
