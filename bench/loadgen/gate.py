"""A common start: a child that is warm waits for a file that names the moment, which others got too."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from bench.loadgen.reporter import Reporter

GATE = "gate"
# Others may answer large evaluation sets meanwhile; the supervisor waits for five times this.
_EXPECTED_S = 1800.0
_GLANCE_S = 0.005
# The end of a wait is spun: a sleep may wake up late.
_SPIN_NS = 2_000_000


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """The moment to start at, of this machine's `time.perf_counter_ns`."""

    start_ns: int


def wait_for_start(gate: str | None, reporter: Reporter) -> None:
    """Wait until the file `gate` appears and its moment has come; at once where there is none.

    A moment that has passed is no reason not to start: how late it was stands in the timeline's t0. Raises OSError, or
    msgspec.DecodeError where the file is none of ours.
    """
    if gate is None:
        return
    file = Path(gate)
    reporter.phase(GATE, _EXPECTED_S)
    while not file.exists():
        time.sleep(_GLANCE_S)
    start_ns = msgspec.json.decode(file.read_bytes(), type=Opening).start_ns
    while (left_ns := start_ns - time.perf_counter_ns()) > 0:
        if left_ns > _SPIN_NS:
            time.sleep((left_ns - _SPIN_NS) / 1e9)


def gate_file(gate: Path, name: str, index: int) -> Path:
    """The file that names the start of a repetition of the measurement `name`."""
    return gate / f"{name}.{index}.json"
