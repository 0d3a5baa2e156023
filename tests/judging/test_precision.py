"""`bench.judging.precision`: a row that says int8 was computed in int8."""

from __future__ import annotations

import msgspec
import pytest

from bench.judging.precision import precision_findings
from bench.records.host import Device, DeviceFacts
from bench.text.findings import finding_text

from ..fixtures import FACTS, REPORT, measurement

INT8 = measurement("offline", precision="int8")
RAN = msgspec.structs.replace(FACTS, precision_executed="int8", int8_share=1.0)
FLOAT = msgspec.structs.replace(FACTS, precision_executed="fp32", int8_share=0.0)
REPORTED = msgspec.structs.replace(REPORT, facts=RAN, int8_due=0.8)


@pytest.mark.parametrize(
    ("executed", "share", "seen"),
    [
        ("int8", 0.8, None),
        ("int8", 0.73, None),
        ("int8", 0.71, 0.71),
        ("int8", None, None),
        ("fp32", None, 0.0),
        ("fp32", 0.0, 0.0),
        ("bf16", 0.0, 0.0),
    ],
)
def test_nine_tenths_of_what_the_file_has_must_run(executed: str, share: float | None, seen: float | None) -> None:
    facts = msgspec.structs.replace(FACTS, precision_executed=executed, int8_share=share)
    found = precision_findings(msgspec.structs.replace(REPORTED, facts=facts), INT8, "quick")
    assert [(entry.code, entry.seen) for entry in found] == ([] if seen is None else [("precision-mismatch", seen)])
    for entry in found:
        assert entry.severity == "error"
        assert entry.limit == pytest.approx(0.72)


def test_the_worst_of_several_devices_counts() -> None:
    other = DeviceFacts(device=Device(kind="cpu", index=1), facts=FLOAT)
    found = precision_findings(msgspec.structs.replace(REPORTED, more_devices=(other,)), INT8, "quick")
    assert [entry.seen for entry in found] == [0.0]


@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_other_precisions_are_held_to_their_errors_instead(precision: str) -> None:
    assert precision_findings(REPORTED, measurement("offline", precision=precision), "quick") == []


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "71.0 % of the convolutions and matrix products ran in int8; of this file 72.0 % must"),
        ("zh", "卷积与矩阵乘中有 71.0 % 以 int8 执行"),
    ],
)
def test_it_is_said_in_words(lang: str, said: str) -> None:
    facts = msgspec.structs.replace(RAN, int8_share=0.71)
    (entry,) = precision_findings(msgspec.structs.replace(REPORTED, facts=facts), INT8, "quick")
    assert finding_text(lang, entry).seen.startswith(said)
