"""What changed on the machine while it was measured."""

from __future__ import annotations

from bench.records.findings import Finding, finding
from bench.records.plan import Mode
from bench.records.record import Trial
from bench.records.state import State

# Settings, and links that cards hold up under load; a figure that moves by itself is none of them.
_STEADY = ("governor", "turbo", "smt", "huge_pages", "power_supply", "card_pcie_width")


def state_findings(state: State | None, mode: Mode) -> tuple[Finding, ...]:
    """Settings that were changed, throttling, and cards that others use, too."""
    if state is None:
        return ()
    found = []
    for name in _STEADY:
        before, after = state.before.get(name), state.after.get(name)
        if before is not None and after is not None and before != after:
            found.append(finding("state-changed", mode, _shown(after), _shown(before), name))
    rise = _number(state.after, "throttled") - _number(state.before, "throttled")
    if "throttled" in state.before and rise > 0:
        found.append(finding("throttled", mode, rise, 0, "processor"))
    slowed = state.during.get("card_slowed")
    if slowed is not None and slowed.most > 0:
        found.append(finding("throttled", mode, round(slowed.mean * slowed.readings), 0, "card"))
    others = _number(state.before, "card_processes")
    if others > 0:
        found.append(finding("device-shared", mode, others, 0))
    if state.before.get("power_supply") == "Discharging":
        found.append(finding("on-battery", mode))
    return tuple(found)


def slowed_s(trial: Trial) -> tuple[tuple[float, float], ...]:
    """Stretches (from, to) in s of the sketch's windows in which clocks were held down; none without a sketch."""
    if trial.state is None or trial.report is None or trial.sketch is None or not trial.sketch.window_start_ns:
        return ()
    sketch = trial.sketch
    origin_ns = trial.report.t0_ns + sketch.window_start_ns[0]
    length_ns = len(sketch.window_start_ns) * sketch.window_ns
    clipped = [(max(0, begin - origin_ns), min(length_ns, end - origin_ns)) for begin, end in trial.state.slowed_ns]
    return tuple((begin * 1e-9, end * 1e-9) for begin, end in clipped if begin < end)


def _number(values: dict[str, str | float], name: str) -> float:
    value = values.get(name)
    return value if isinstance(value, float) else 0.0


def _shown(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:g}"
