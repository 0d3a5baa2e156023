"""What the reference network answers to corrupted samples: which answers are right, stored beside the other answers.

`results/reference/<name>/robustness.json` is written by `measure_stress.py`.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.records.untrusted import BadFile, read_json

FILE = "robustness.json"
CLEAN = "clean"


class StressReference(msgspec.Struct, frozen=True, kw_only=True):
    """Answers to evaluation samples 0 … samples - 1, clean and under each condition.

    `values` are the shares of right answers by name of the condition (`blur.2`; `clean`), `amounts` how strong each
    condition was; `right` says of each sample whether its answer is, as bits in base64, the first sample in the
    highest one. `stressed_sha256` is `bench.models.stress.fingerprint` of the corrupted samples.
    """

    metric: str
    samples: int
    stressed_sha256: str
    computed_with: dict[str, str]
    amounts: dict[str, float]
    values: dict[str, float]
    right: dict[str, str]

    def answers(self, condition: str, amount: float | None = None) -> NDArray[np.bool_] | None:
        """Whether each answer is right, (samples,); None where the condition is unknown or was of another strength."""
        if condition not in self.right or (amount is not None and self.amounts.get(condition) != amount):
            return None
        return np.unpackbits(np.frombuffer(b64decode(self.right[condition]), np.uint8))[: self.samples].astype(bool)


def packed(right: NDArray[np.bool_]) -> str:
    """Right and wrong answers (n,) as text."""
    return b64encode(np.packbits(right).tobytes()).decode()


def read_stress_reference(folder: Path) -> StressReference | None:
    """The stored answers in `folder`, None where there are none. Raises BadFile."""
    file = folder / FILE
    if not file.exists():
        return None
    kept = read_json(file, StressReference)
    wanted = -(-kept.samples // 8)
    for name, text in kept.right.items():
        try:
            found = len(b64decode(text, validate=True))
        except ValueError as error:
            raise BadFile(f"{file}: right.{name}: no base64: {error}") from None
        if found != wanted:
            raise BadFile(f"{file}: right.{name}: {found} bytes; {kept.samples} samples need {wanted}")
    return kept
