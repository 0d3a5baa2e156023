"""`make perf-opencl`: its intervals, its refusals, and a row whose answers are right."""

from __future__ import annotations

import io
import math

import msgspec
import numpy as np
import pytest
from rich.console import Console
from scipy import stats

from bench.backends.opencl.device import Found
from tests.perf.opencl.__main__ import NoRow, in_processes, main, print_rows
from tests.perf.opencl.row import Request, Row, speed_of


def test_speed_is_the_mean_of_logarithms_with_a_t_interval() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = np.exp(rng.normal(0.0, 0.1, 12)), np.exp(rng.normal(0.5, 0.2, 12))
    low, mean, high = speed_of(list(zip(ours, theirs, strict=True)))
    logs = np.log(theirs / ours)
    assert mean == pytest.approx(math.exp(logs.mean()))
    expected = stats.ttest_1samp(logs, 0.0).confidence_interval(0.95)
    assert (math.log(low), math.log(high)) == pytest.approx((expected.low, expected.high))


def test_what_is_not_there_is_refused_in_one_line(found: Found, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "gpu:77"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "gpu:77" in told
    assert found.device.address in told
    for wrong in (["--rounds", "1"], ["--batch", "0"], ["--batch", "many"], ["--workload", "none"]):
        with pytest.raises(SystemExit) as ended:
            main(wrong)
        assert ended.value.code == 2


def test_the_table_has_every_row_under_its_device() -> None:
    row = Row(
        workload="w", device="one", batch=8, threads=2, rounds=3, start_ns=2e9, first_start_ns=9e9, opencl_ns=4e6,
        onnxruntime_ns=2e6, speed=(0.4, 0.5, 0.6), off=1e-7, host_operators=3,
    )  # fmt: skip
    stream = io.StringIO()
    print_rows(Console(file=stream, width=160), [row, msgspec.structs.replace(row, device="two", outside=0.25)])
    told = stream.getvalue()
    assert told.index("one") < told.index("4.00 ms") < told.index("two")
    assert "w (3 operators on the host)" in told
    assert "0.40 to 0.60" in told
    assert "25.0 %" in told


@pytest.mark.full
def test_a_row_by_two_processes(found: Found) -> None:
    asked = Request(workload="speech_command", address=found.device.address, batch=1, rounds=2)
    row = in_processes(asked)
    assert row.off is not None
    assert row.off < 1e-5
    assert row.speed is not None
    assert row.speed[0] <= row.speed[1] <= row.speed[2]
    assert row.first_start_ns is not None
    assert row.outside is not None
    assert 0.0 <= row.outside < 1.0
    with pytest.raises(NoRow, match="gpu:77"):
        in_processes(Request(workload="speech_command", address="gpu:77", batch=1, rounds=2))
