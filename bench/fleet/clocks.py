"""How far a node's clock is from the head's: the round trip that took least tells most (Cristian, 1989)."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns

from bench.records.fleet import Clock

ROUNDS = 16


def read_clock(ask: Callable[[], int], now: Callable[[], int] = perf_counter_ns, rounds: int = ROUNDS) -> Clock:
    """The offset of a clock that `ask` reads from afar against `now`, both in ns.

    It was read between question and answer, so the middle of the two is wrong by half of the round trip at most.
    """
    best: Clock | None = None
    for _ in range(rounds):
        before = now()
        there = ask()
        after = now()
        error_ns = (after - before + 1) // 2
        if best is None or error_ns < best.error_ns:
            middle = before + (after - before) // 2
            best = Clock(at_ns=middle, offset_ns=there - middle, error_ns=error_ns, rounds=rounds)
    assert best is not None
    return best


def offset_at(clocks: tuple[Clock, ...], there_ns: int) -> tuple[int, int]:
    """Offset and bound of its error in ns at `there_ns` of the node's clock, between the readings around it.

    Clocks drift: on a straight line between two readings the error is at most the larger of theirs; beyond the last
    reading, or where there is one only, it is that one's. Raises ValueError without a reading.
    """
    if not clocks:
        raise ValueError("a clock that was never read")
    before = max((one for one in clocks if one.at_ns + one.offset_ns <= there_ns), key=_when, default=None)
    after = min((one for one in clocks if one.at_ns + one.offset_ns > there_ns), key=_when, default=None)
    if before is None or after is None:
        only = before or after
        assert only is not None
        return only.offset_ns, only.error_ns
    begins, ends = before.at_ns + before.offset_ns, after.at_ns + after.offset_ns
    share = (there_ns - begins) / (ends - begins)
    offset_ns = before.offset_ns + round(share * (after.offset_ns - before.offset_ns))
    return offset_ns, max(before.error_ns, after.error_ns)


def _when(clock: Clock) -> int:
    return clock.at_ns
