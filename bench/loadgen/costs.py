"""What a measured part costs the host, and what the interpreters did meanwhile: this one, and those of engines."""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence

from bench.host.floor import has_gil
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

    def __init__(self, readies: Sequence[Ready]) -> None:
        self._apart = [ready.apart for ready in readies if ready.apart is not None]
        self._watch, self._own_s, self._engine_s = Watch(), _own_s(), self._engines_s()

    def stop(self) -> tuple[float, Noise]:
        """Seconds of this process and of engines in their own, and the noise of others."""
        own_s, engine_s = _own_s() - self._own_s, self._engines_s() - self._engine_s
        return own_s + engine_s, self._watch.stop(engine_s=engine_s)

    def _engines_s(self) -> float:
        return sum(engine.cpu_s() for engine in self._apart)


def _own_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
