"""Peaks of a device, measured in a process of their own: an engine that crashes ends them with a line that says how."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.host.engine_answers import NoMoreAnswers, answers
from bench.records.profile import Profile
from bench.records.roofline import MeasuredPeak

PATIENCE_S = 300.0
# A matrix that is read must not fit into caches: this many times as large as all of the last level together.
_OVER_CACHE = 4
_SMALL, _LARGE = 8192, 16384  # 256 MiB and 1 GiB of float32; a file of ONNX holds less than 2 GiB


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """A batch of `rows`, a square matrix of `size`, and how often it is multiplied with."""

    rows: int
    size: int
    depth: int = 1


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What to measure: on one device of one backend, for about `seconds` each."""

    backend: str
    device: str
    threads: int
    seconds: float
    product: Shape
    read: Shape


class PeaksFailed(ValueError):
    """The process did not deliver; one line."""


def request_for(backend: str, device: str, threads: int, seconds: float, machine: Profile) -> Request:
    """Shapes that a device of this kind needs: a call must be more than its start, and the matrix fit no cache."""
    card = device.partition(":")[0] != "cpu"
    last = max((cache.level for cache in machine.cpu.caches), default=0)
    cached = sum(cache.bytes * cache.instances for cache in machine.cpu.caches if cache.level == last)
    large = card or cached * _OVER_CACHE > 4 * _SMALL * _SMALL
    return Request(
        backend=backend,
        device=device,
        threads=threads,
        seconds=seconds,
        product=Shape(rows=4096, size=4096, depth=64) if card else Shape(rows=1024, size=1024, depth=8),
        read=Shape(rows=1, size=_LARGE if large else _SMALL),
    )


def measured_peaks(request: Request, patience_s: float = PATIENCE_S) -> Iterator[MeasuredPeak]:
    """Each peak as it is measured. Raises PeaksFailed where there is none."""
    seen = 0
    try:
        for line in answers("bench.peaks.measuring", msgspec.json.encode(request).decode(), patience_s):
            seen += 1
            one = msgspec.json.decode(line, type=MeasuredPeak)
            if not one.asked:
                raise PeaksFailed(one.refused or "There is no such device.")
            yield one
    except NoMoreAnswers as error:
        # Its end after the last line is how it should be.
        if not seen or not str(error).endswith("code 0"):
            raise PeaksFailed(f"The process that measures {request.backend} on {request.device} {error}.") from None
