"""The measuring process of a node in a hurry: see `tests/cli/hurried.py`."""

import os
import sys

from bench.fleet.measuring import main
from bench.records.effort import EFFORTS, Effort
from bench.scoring import busy

busy.TOLERANCE = 0.5
EFFORTS["quick"] = Effort(
    repetitions=(int(os.environ.get("REPETITIONS", "1")),),
    duration_s=float(os.environ.get("DURATION_S", "0.1")),
    longest_s=30.0,
    window_s=0.005,
    window_batches=1,
    half_width=None,
)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
