"""An inference benchmark harness: `bench.run(RunPlan(...))` measures, and what it returns is a kept record.

Importing this package imports no engine and no numerical library; they come with the first use of a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import run
    from bench.records.plan import RunPlan
    from bench.records.record import Record, Run

__version__ = "0.1.0"
__all__ = ["Record", "Run", "RunPlan", "__version__", "run"]

_HOMES = {
    "run": "bench.api",
    "RunPlan": "bench.records.plan",
    "Run": "bench.records.record",
    "Record": "bench.records.record",
}


def __getattr__(name: str) -> Any:  # Any: the module protocol for lazy names
    if name not in _HOMES:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
