"""What came of holding a backend against its contract: one verdict per check and subject."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["passed", "failed", "skipped"]

# In the order in which they are made; their names stand in the catalogues. `device-lost` and `process` come when the
# device, or the checks' process, was lost: nobody can take a device away to see what a backend says then.
CHECKS: tuple[str, ...] = (
    "unknown-setting",
    "missing-precision",
    "broken-file",
    "compile",
    "facts",
    "agreement",
    "repeatability",
    "two-sessions",
    "inputs-untouched",
    "wrong-type",
    "wrong-shape",
    "memory-returned",
    "closing",
    "out-of-memory",
    "device-lost",
    "process",
)
# No check of the contract: one of ONNX's own tests of single operators.
ONNX_NODE = "onnx-node"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`subject` is the workload and precision, empty for the backend as a whole; `seen` says what was observed."""

    code: str
    state: State
    subject: str = ""
    seen: str = ""
