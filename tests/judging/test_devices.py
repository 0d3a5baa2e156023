"""`bench.judging.devices`: what each of several devices did, and whether they did the same thing."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.judging.devices import device_findings, device_shares, mean_shares
from bench.records.host import Device, DeviceFacts
from bench.records.record import Trial
from bench.scoring.columns import Columns

from ..fixtures import FACTS, REPORT, measurement


def columns(worker: list[int], held: list[int], failed: list[int] | None = None) -> Columns:
    rows = np.arange(len(worker), dtype=np.int64)
    return Columns(
        scheduled_ns=rows,
        started_ns=rows,
        ended_ns=rows + 1,
        first_query=(np.cumsum(held) - held).astype(np.int32),
        queries=np.array(held, np.int32),
        worker=np.array(worker, np.int16),
        status=np.array(failed or [0] * len(worker), np.uint8),
    )


TWO = measurement("offline", workers=2, devices=2)


def test_workers_count_device_by_device() -> None:
    assert device_shares(columns([0, 1, 2, 3], [1, 2, 3, 4]), TWO) == (0.3, 0.7)


def test_failed_rows_were_not_answered() -> None:
    assert device_shares(columns([0, 3], [1, 1], [0, 1]), TWO) == (1.0, 0.0)
    assert device_shares(columns([0, 3], [1, 1], [1, 1]), TWO) == ()


def test_one_device_did_all_of_it() -> None:
    assert device_shares(columns([0, 1], [1, 1]), measurement("offline", workers=2)) == ()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), min_size=1, max_size=30))
def test_shares_are_those_of_a_slow_loop(rows: list[tuple[int, int]]) -> None:
    shares = device_shares(
        columns([w for w, _ in rows], [q for _, q in rows]), measurement("offline", workers=2, devices=3)
    )
    total = sum(held for _, held in rows)
    expected = [sum(held for worker, held in rows if worker // 2 == device) / total for device in range(3)]
    assert shares == pytest.approx(expected)


def test_repetitions_are_averaged() -> None:
    plain = Trial(index=0, status="complete", started_at="", seed=0)
    trials = [msgspec.structs.replace(plain, device_shares=shares) for shares in ((0.25, 0.75), (0.75, 0.25), ())]
    assert mean_shares(trials) == (0.5, 0.5)
    assert mean_shares([plain]) == ()


@pytest.mark.parametrize(
    "change",
    [{"precision_executed": "bf16"}, {"engine_version": "2"}, {"driver_version": "9"}, {"engine": "other"}],
)
def test_devices_that_ran_something_else_are_found(change: dict[str, str]) -> None:
    def report(**changes: str) -> tuple[str, ...]:
        other = DeviceFacts(device=Device(kind="card", index=1), facts=msgspec.structs.replace(FACTS, **changes))
        found = device_findings(msgspec.structs.replace(REPORT, more_devices=(other,)), "quick")
        return tuple(f"{entry.code} {entry.severity} {entry.seen} {entry.subject}" for entry in found)

    assert report(**change) == ("engine-differs error 2 devices",)
    assert report(compile_s="9") == (), "devices of one kind compile in their own time"
