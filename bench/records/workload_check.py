"""What came of looking at a workload: a verdict per check, with codes and values; the sentences are the catalogues'."""

from __future__ import annotations

from typing import Literal

import msgspec

# In the order in which they are made, `process` for how their process ended; their names stand in the catalogues.
WORKLOAD_CHECKS: tuple[str, ...] = (
    "package",
    "specification",
    "files",
    "operators",
    "checker",
    "tensors",
    "figures",
    "weights",
    "data",
    "labels",
    "timing",
    "reference",
    "run",
    "process",
)


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something seen: its code and what fills the sentence. Without `wrong` it is worth knowing and no fault."""

    code: str
    values: dict[str, str] = {}
    wrong: bool = True


class WorkloadVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """Of one check: failed when any remark is of something wrong, skipped when what it needs was not there."""

    check: str
    state: Literal["passed", "failed", "skipped"]
    remarks: tuple[Remark, ...] = ()


def wrong(code: str, **values: object) -> Remark:
    """A fault."""
    return Remark(code=code, values={name: str(value) for name, value in values.items()})


def seen(code: str, **values: object) -> Remark:
    """What is worth knowing."""
    return Remark(code=code, values={name: str(value) for name, value in values.items()}, wrong=False)
