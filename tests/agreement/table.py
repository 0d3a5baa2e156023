"""The table of docs/loadgen-comparison.md, measured here: `python -m tests.agreement.table [MOST_PAIRS]`.

Takes pairs of all cases in turn, so that a disturbance of the machine meets all alike; every line comes from as many.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from .cases import CASES
from .pairs import LOOKS, MARGIN, Case, Compared

_HEAD = (
    "| case | figure | pairs | ours | LoadGen's | floor: ours | floor: LoadGen's | ratio without floors | verdict |",
    "|---|---|---|---|---|---|---|---|---|",
)


def line(case: str, one: Compared) -> str:
    """One figure as a row of the table, times in µs, the interval in brackets."""
    times = (*one.raw.values(), *one.floor.values())
    ratio = f"{one.ratio:.3f} [{one.low:.3f}, {one.high:.3f}]"
    cells = (case, one.figure.removesuffix("_ns"), str(one.pairs), *(f"{ns / 1e3:.4g}" for ns in times), ratio)
    return f"| {' | '.join((*cells, one.verdict))} |"


def main(most_pairs: int) -> None:
    """Measure up to `most_pairs` of each case, at least those of the first look, and print the table."""
    with tempfile.TemporaryDirectory() as folder:
        cases = {name: Case(asked, Path(folder) / str(n)) for n, (name, asked) in enumerate(CASES.items())}
        for number in range(max(most_pairs, LOOKS[0])):
            sys.stderr.write(f"pair {number + 1}\n")
            for case in cases.values():
                case.add_pair()
        rows = [line(name, one) for name, case in cases.items() for one in case.compared()]
    sys.stdout.write("\n".join((*_HEAD, *rows)) + f"\n\nSame: the whole interval within ±{MARGIN:.0%}.\n")


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="python -m tests.agreement.table", description=__doc__)
    _parser.add_argument("most_pairs", type=int, nargs="?", default=LOOKS[0], metavar="PAIRS")
    main(_parser.parse_args().most_pairs)
