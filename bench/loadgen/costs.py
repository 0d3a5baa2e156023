"""What a measured part costs the host, and what the interpreters did meanwhile: this one, and those of engines."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from bench.host.floor import has_gil
from bench.host.process_time import tree_s
from bench.host.watch import Watch
from bench.loadgen.driver import Driven
from bench.loadgen.opening import Ready
from bench.records.host import Noise
from bench.records.job import Interpreter


def hold_garbage(readies: Sequence[Ready]) -> None:
    """In this process the drivers do that; engines in their own are told to."""
    for ready in readies:
        if ready.apart is not None:
            ready.apart.hold_garbage()


def interpreter_of(ready: Ready, driven: Driven) -> Interpreter:
    """What the interpreter was set to and did; asks engines in their own process what they did."""
    # An engine's process whose sessions do not come back might not answer this either.
    asked = ready.apart if not driven.lost else None
    return Interpreter(
        gil=has_gil(),
        switch_interval_s=sys.getswitchinterval(),
        collections=driven.collections,
        engine_collections=asked.release_garbage() if asked is not None else None,
    )


class Costs:
    """Processor time, and what else happened on the host, from now until `stop`."""

    def __init__(self) -> None:
        self._watch = Watch()
        self._before_s = tree_s()

    def stop(self) -> tuple[float, Noise]:
        """Seconds of this process and of all that it and its engines started, and the noise of others."""
        return tree_s() - self._before_s, self._watch.stop()
