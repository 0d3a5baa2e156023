"""What pytest-benchmark keeps of a machine: what `make perf` saves may be committed, so not its name."""

from __future__ import annotations

from typing import Any  # as pytest-benchmark has it


def pytest_benchmark_update_machine_info(config: object, machine_info: dict[str, Any]) -> None:
    """Leave out who the machine is; what it is stays."""
    machine_info.pop("node", None)
