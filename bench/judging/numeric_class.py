"""Whether raw outputs lie as near to the reference's as the executed precision does (measurement.md section 4)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.models.base import NamedArrays, Reference
from bench.records.findings import Finding, finding
from bench.records.numbers import Refusal, RelativeError
from bench.records.plan import Mode
from bench.scoring.numeric import worst_output_error
from bench.tasks.error_class import ErrorClass

INT8_SUBJECT = "int8-error"


@dataclass(frozen=True, slots=True)
class Held:
    """The error of the output that is furthest off, and the class that it is held to."""

    error: RelativeError
    kind: ErrorClass

    @property
    def within(self) -> bool:
        """Whether the class holds."""
        return self.kind.holds(self.error)

    def findings(self, mode: Mode) -> list[Finding]:
        """`precision-mismatch` where it does not."""
        subject = INT8_SUBJECT if self.kind.by_median else self.kind.precision
        seen = self.kind.seen(self.error)
        return [] if self.within else [finding("precision-mismatch", mode, seen, self.kind.limit, subject)]


def held_to_class(
    raw: NamedArrays, indices: NDArray[np.int64], reference: Reference, kind: ErrorClass
) -> Held | Refusal:
    """Hold `raw` outputs to the samples at `indices` against the reference's, those outputs that it holds."""
    stored = {name: reference.outputs[name][indices] for name in raw if name in reference.outputs}
    found = worst_output_error(raw, stored, kind.by_median)
    return found if isinstance(found, Refusal) else Held(found, kind)
