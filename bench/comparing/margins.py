"""What is judged of a record, and which change of it matters: the primary metric by default, more from a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bench.plugins import suggestion
from bench.records.metrics import METRICS, PRIMARY
from bench.records.plan import Scenario
from bench.records.untrusted import BadFile, read_toml

# Relative; 99th percentiles scatter more.
_DEFAULT, _DEFAULT_P99 = 0.02, 0.05


class Margins(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A margins file. `default` holds for primary metrics; `metric` by id, or by `<workload>.<scenario>.<id>`.

    A margin is relative (0.02: two percent); of a share, whose unit is 1, it is a difference (0.001: 0.1 points).
    """

    default: float | None = None
    metric: Mapping[str, float] = {}

    def of(self, workload: str, scenario: Scenario) -> dict[str, float]:
        """The metrics of a measurement that are judged, with their margins."""
        primary = PRIMARY[scenario]
        fallback = _DEFAULT_P99 if primary.startswith("latency_p99") else _DEFAULT
        found = {primary: fallback if self.default is None else self.default}
        found |= {name: margin for name, margin in self.metric.items() if "." not in name}
        prefix = f"{workload}.{scenario}."
        own = {name: margin for name, margin in self.metric.items() if name.startswith(prefix)}
        return found | {name.removeprefix(prefix): margin for name, margin in own.items()}


def read_margins(path: Path | None) -> Margins:
    """The margins of a file, the default ones without it. Raises BadFile, naming what is wrong."""
    if path is None:
        return Margins()
    margins = read_toml(path, Margins)
    for name, margin in {"default": margins.default, **margins.metric}.items():
        if margin is not None and not (math.isfinite(margin) and 0.0 <= margin < 1.0):
            raise BadFile(f"{path}: the margin of `{name}` is {margin}; it must lie between 0 and 1")
    for name in margins.metric:
        if name.rsplit(".", 1)[-1] not in METRICS:
            raise BadFile(f"{path}: there is no metric {name!r}.{suggestion(name.rsplit('.', 1)[-1], list(METRICS))}")
    return margins
