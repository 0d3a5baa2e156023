"""pytest plug-in: a test of one's own measures a session and asserts on the record. Off unless asked.

    def test_fast_enough(benchmark_inference):
        record = benchmark_inference(workloads=("speech_command",), scenarios=("offline",))
        assert record.metrics["samples_per_s"].value > 100

runs with `pytest --benchmark-inference` and is skipped without.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any  # Any: the fields of a plan, which the plan checks

import pytest

if TYPE_CHECKING:
    from bench.records.record import Record

_FLAG, _RESULTS = "--benchmark-inference", "--benchmark-inference-results"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the flags of the plug-in."""
    group = parser.getgroup("benchmark-inference")
    group.addoption(_FLAG, action="store_true", help="run tests that measure inference with `benchmark_inference`")
    group.addoption(_RESULTS, metavar="DIR", help="keep their runs under DIR [default: pytest's temporary folder]")


@pytest.fixture
def benchmark_inference(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Record]:
    """Call it with fields of `bench.RunPlan`; it measures and returns the record of the only measurement.

    The test fails where the plan cannot be, or the record is invalid: a figure of a void record must not pass.
    """
    if not request.config.getoption(_FLAG):
        pytest.skip(f"measures inference; runs with {_FLAG}")
    chosen = request.config.getoption(_RESULTS)
    results = Path(str(chosen)) if chosen else tmp_path / "inference"

    def measure(**fields: Any) -> Record:
        return _measured(fields, results)

    return measure


def _measured(fields: dict[str, Any], results: Path) -> Record:
    from bench.api import run
    from bench.records.plan import RunPlan
    from bench.store.runs import RunFolder

    try:
        plan = RunPlan(**fields)
        kept = run(plan, results)
    except (ValueError, TypeError, OSError) as error:
        pytest.fail(f"`benchmark_inference` cannot measure that: {error}", pytrace=False)
    records = RunFolder.of(results, kept.run_id).load_records()
    if len(records) != 1:
        names = ", ".join(record.measurement.name for record in records)
        pytest.fail(f"`benchmark_inference` takes one workload and one scenario at a time, not {names}", pytrace=False)
    (record,) = records
    if not record.valid:
        codes = ", ".join(found.code for found in record.findings if found.severity == "error") or record.status
        pytest.fail(
            f"{record.measurement.name}: the record is invalid ({codes}); its figures say nothing", pytrace=False
        )
    return record
