"""The error class of a network's int8 file: how far its raw outputs may be from the reference's in a run.

A number of this very network, for int8 costs every network another share of its outputs.
"""

from __future__ import annotations

import math
from typing import Final

# Engines that execute the same file differ by their roundings, by 20 % of the error at most in what was tried
# (onnxruntime and OpenVINO on the suite's networks), and so are further off than this by none.
WIDEST: Final = 1.5
# Closer together than this, engines differ by more than the two roundings do.
_TELLING: Final = 1.1


def error_limit(error: float, per_tensor: float) -> float:
    """The largest median error of a run in int8, from that of the suite's file and of one scale per weight tensor.

    Half way between the two, in the ratio, where they can be told apart, but never more than 1.5 times the file's own.
    """
    ratio = per_tensor / error
    return error * (min(WIDEST, math.sqrt(ratio)) if ratio >= _TELLING else WIDEST)
