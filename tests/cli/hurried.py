"""`bench` in a hurry: the same program, whose modes measure for moments, so that a test need not wait for seconds.

Children take their effort from the job that the parent writes, so it is enough to change the parent.
`REPETITIONS` in the environment says how many of them `quick` makes.
"""

import os
import sys

from bench.cli.main import main
from bench.records.effort import EFFORTS, Effort
from bench.scoring import busy

# A busy machine takes a core away for milliseconds: of a measurement that lasts a moment that is more than 1 %.
busy.TOLERANCE = 0.5
EFFORTS["quick"] = Effort(
    repetitions=(int(os.environ.get("REPETITIONS", "1")),),
    duration_s=float(os.environ.get("DURATION_S", "0.1")),
    longest_s=5.0,
    window_s=0.005,
    window_batches=1,
    half_width=None,
)

if __name__ == "__main__":
    sys.exit(main())
