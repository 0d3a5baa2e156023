"""Measured peaks in a hardware profile, in the place of those measured before; typed ones stay beside them."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench import __version__
from bench.records.profile import Accelerator, Peak, Profile
from bench.records.roofline import MeasuredPeak

MEASURED = "measured"


class NoPlace(ValueError):
    """A profile without the device that was measured; one line."""


def with_peaks(profile: Profile, found: Sequence[MeasuredPeak]) -> Profile:
    """The profile with what was measured. Raises NoPlace."""
    for one in found:
        if one.per_s is not None:
            profile = _with(profile, one, one.per_s)
    return profile


def _with(profile: Profile, one: MeasuredPeak, per_s: float) -> Profile:
    rows, size, depth = one.shape
    source = (
        f"{MEASURED} by bench {__version__}: {one.engine}, {one.device}, {rows} x {size} x {size}, {depth} in a row"
    )
    on_cpu = one.device.startswith("cpu")
    if one.what == "read":
        bandwidth = {"bandwidth_bytes_per_s": per_s, "bandwidth_source": source}
        if on_cpu:
            return msgspec.structs.replace(profile, memory=msgspec.structs.replace(profile.memory, **bandwidth))
        return _with_card(profile, one, msgspec.structs.replace(_card(profile, one), **bandwidth))
    ends = (one.interval.low, one.interval.high) if one.interval else None
    peak = Peak(precision=one.precision, ops_per_s=per_s, source=source, interval=ends)
    if on_cpu:
        return msgspec.structs.replace(
            profile, cpu=msgspec.structs.replace(profile.cpu, peaks=_put(profile.cpu.peaks, peak))
        )
    card = _card(profile, one)
    return _with_card(profile, one, msgspec.structs.replace(card, peaks=_put(card.peaks, peak)))


def _put(peaks: Sequence[Peak], peak: Peak) -> tuple[Peak, ...]:
    kept = [one for one in peaks if not (one.precision == peak.precision and one.source.startswith(MEASURED))]
    return (*kept, peak)


def _card(profile: Profile, one: MeasuredPeak) -> Accelerator:
    if len(profile.accelerators) != 1:
        raise NoPlace(
            f"{one.device} was measured, and profile {profile.name!r} has {len(profile.accelerators)} kinds of "
            "accelerators: there must be one, so that it is clear whose peak this is."
        )
    return profile.accelerators[0]


def _with_card(profile: Profile, one: MeasuredPeak, card: Accelerator) -> Profile:
    return msgspec.structs.replace(profile, accelerators=(card,))
