"""A policy: how a procurement list is made of results. Terms, weights, gates, and what a result must be to take part.

A policy is a TOML file of one round. Its hash stands in everything that was made by it, and a later version of it, or
of the checker, never judges an earlier result again.
"""

from __future__ import annotations

import datetime
from typing import Annotated, Literal

import msgspec

from bench.records.plan import Mode, Region

# Beyond these no ratio is formed: its logarithm and back would leave what a double holds.
LEAST, MOST = 1e-30, 1e30
Amount = Annotated[float, msgspec.Meta(ge=LEAST, le=MOST)]
Operator = Literal[">=", "<="]
Origin = Literal["measured", "synthetic", "mlperf-import"]
QUALITY = "quality"
"""Stands in place of a metric in an address: the workload's own measure of quality, in shares."""


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all tables of a policy have in common: a name that nobody knows is refused."""


class Term(_Part, frozen=True, kw_only=True):
    """One term of the composite: `metric` is `<workload>.<scenario>.<metric>`, `weight` its share of the whole."""

    metric: str
    weight: float
    timed_region: Region = "host_to_host"


class Gate(_Part, frozen=True, kw_only=True):
    """A limit that no score makes up for (门槛项). `metric` as in a term, or ending in `quality`.

    `guarded` (★): the limit must lie outside the 95 % interval of the value, on its good side.
    """

    metric: str
    op: Operator
    limit: float
    unit: str
    guarded: bool = False
    timed_region: Region = "host_to_host"


class Admission(_Part, frozen=True, kw_only=True):
    """What a result must be to be eligible; each is a gate that is always there.

    `both_senses` (视听完备): of valid results of passed quality at least one is of pictures and one of sound. `quality`
    q99 is what passing means; q999 asks more of every term, and where an evaluation set is too small to show it, no
    result is eligible.
    """

    modes: tuple[Mode, ...] = ("certified",)
    origins: tuple[Origin, ...] = ("measured",)
    division: Literal["closed", "any"] = "closed"
    both_senses: bool = True
    quality: Literal["q99", "q999"] = "q99"
    repetitions: Annotated[int, msgspec.Meta(ge=2, le=1000)] = 5


class Reference(_Part, frozen=True, kw_only=True):
    """What ratios are formed with, per term: a frozen record's values in the metrics' own units, or declared constants.

    `sha256` is that of the `run.json` the values are of; None: they are constants. Ranks do not depend on them.
    """

    system: str
    run_id: str | None = None
    sha256: str | None = None
    values: dict[str, Amount]


class Policy(_Part, frozen=True, kw_only=True):
    """One round's policy. `practical_gap` and `alpha` are shares; `digits` is how many significant ones are printed.

    `pareto` names the metrics whose front is shown beside the composite. Results count `valid_months` from their test.
    """

    schema: Literal[1] = 1
    name: str
    round: str
    sector: str
    title: dict[str, str]
    suite_version: str
    valid_from: datetime.date
    valid_until: datetime.date
    valid_months: Annotated[int, msgspec.Meta(ge=1, le=120)] = 12
    alpha: Annotated[float, msgspec.Meta(gt=0.0, le=0.2)] = 0.05
    practical_gap: Annotated[float, msgspec.Meta(ge=0.0, le=0.5)] = 0.02
    digits: Annotated[int, msgspec.Meta(ge=2, le=9)] = 4
    terms: tuple[Term, ...]
    gates: tuple[Gate, ...] = ()
    admission: Admission = Admission()
    reference: Reference
    pareto: tuple[str, ...] = ()


class Fault(msgspec.Struct, frozen=True, kw_only=True):
    """Something that is wrong with a policy: a code of the catalogues, where, and what was seen and expected."""

    code: str
    subject: str
    seen: str = ""
    expected: str = ""
