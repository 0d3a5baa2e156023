"""A measurement under the roofline: by hand, and where nothing can be said."""

from __future__ import annotations

import msgspec
import pytest

from bench.judging.roofline import roofline, roofline_findings
from bench.records.host import Device
from bench.records.job import Report
from bench.records.numbers import Measured
from bench.records.profile import Accelerator, Cpu, Hardware, Memory, Peak, Profile
from bench.records.roofline import Cost

from ..fixtures import FACTS, REPORT, measurement

COST = Cost(macs=1_000_000, parameters=250_000, io_bytes=10_000)
FP32 = Peak(precision="fp32", ops_per_s=1e12, source="a page")
PEAKS = (
    FP32,
    Peak(precision="fp32", ops_per_s=5e11, source="measured"),
    Peak(precision="int8", ops_per_s=4e12, source="x"),
)
SPARSE = Peak(precision="fp32", ops_per_s=9e12, source="y", sparse=True)
CPU = Profile(
    name="a",
    vendor="v",
    model="m",
    machine_class="cpu_server",
    cpu=Cpu(peaks=(*PEAKS, SPARSE)),
    memory=Memory(bandwidth_bytes_per_s=2e9, bandwidth_source="x"),
)
OFFLINE = measurement("offline", batch=100)
RATE = {"samples_per_s": Measured(value=100_000.0)}


def report(kind: str = "cpu", precision: str = "fp32") -> Report:
    facts = msgspec.structs.replace(FACTS, precision_executed=precision)
    return msgspec.structs.replace(REPORT, device=Device(kind=kind), facts=facts)


def test_by_hand() -> None:
    """2 MOP a sample, 100 000 a second: 0.2 TOP/s; 10 kB and a hundredth of 1 MB move: 20 kB, 100 operations a byte."""
    found = roofline(OFFLINE, RATE, report(), COST, Hardware(facts=CPU))
    assert found is not None
    assert (found.ops_per_sample, found.bytes_per_sample) == (2_000_000, pytest.approx(20_000.0))
    assert found.achieved_ops_per_s == pytest.approx(2e11)
    assert [(one.source, one.share) for one in found.peaks] == [
        ("a page", pytest.approx(0.2)),
        ("measured", pytest.approx(0.4)),
    ]
    assert (found.limit_ops_per_s, found.limited_by) == (pytest.approx(2e11), "memory")
    assert roofline_findings(found, "certified") == ()


def test_the_executed_precision_chooses_peak_and_weights() -> None:
    found = roofline(OFFLINE, RATE, report(precision="int8"), COST, Hardware(facts=CPU))
    assert found is not None
    assert found.bytes_per_sample == pytest.approx(12_500.0)
    assert [one.ops_per_s for one in found.peaks] == [4e12]
    none = roofline(OFFLINE, RATE, report(precision="bf16"), COST, Hardware(facts=CPU))
    assert none is not None
    assert (none.peaks, none.limit_ops_per_s) == ((), None)


def test_cards_count_together_and_only_where_it_is_clear_which() -> None:
    card = Accelerator(kind="gpu", model="x", peaks=(FP32,), bandwidth_bytes_per_s=1e12, bandwidth_source="x")
    one = msgspec.structs.replace(CPU, accelerators=(card,))
    asked = measurement("offline", batch=100, devices=2)
    found = roofline(asked, RATE, report("cuda"), COST, Hardware(facts=one))
    assert found is not None
    assert (found.peaks[0].ops_per_s, found.bandwidth_bytes_per_s) == (2e12, 2e12)
    assert found.limited_by == "arithmetic"
    two = msgspec.structs.replace(CPU, accelerators=(card, Accelerator(model="y")))
    unclear = roofline(asked, RATE, report("cuda"), COST, Hardware(facts=two))
    assert unclear is not None
    assert unclear.peaks == ()


def test_more_than_the_peak_is_found() -> None:
    found = roofline(OFFLINE, {"samples_per_s": Measured(value=263_000.0)}, report(), COST, Hardware(facts=CPU))
    (told,) = roofline_findings(found, "standard")
    assert (told.code, told.severity, told.subject, told.seen) == (
        "above-roofline",
        "error",
        "measured",
        pytest.approx(1.052),
    )


def test_where_nothing_can_be_said_nothing_is() -> None:
    assert roofline(OFFLINE, {}, report(), COST, None) is None
    assert roofline(OFFLINE, RATE, None, COST, None) is None
    assert roofline(OFFLINE, RATE, report(), None, None) is None
    assert roofline(OFFLINE, RATE, report(), Cost(macs=0, parameters=1, io_bytes=1), None) is None
    bare = roofline(OFFLINE, RATE, report(), COST, None)
    assert bare is not None
    assert bare.peaks == ()
    multi = measurement("multi_stream", samples_per_query=8)
    found = roofline(multi, {"queries_per_s": Measured(value=10.0)}, report(), COST, None)
    assert found is not None
    assert found.achieved_ops_per_s == pytest.approx(10 * 8 * 2e6)
