"""How much places hang on the weights: equal ones, other sectors', each 20 % more or less, each left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from bench.procurement.policies import sectors, shipped
from bench.records.listing import Alternative, Sensitivity
from bench.records.policy import Policy
from bench.scoring.columns import Floats
from bench.scoring.ranking import Terms, composite, ranks

_STEP: Final = 0.2


def sensitivity(terms: Terms, policy: Policy, weights: Floats) -> tuple[Sensitivity, ...]:
    """The places of all systems under each alternative, tested as the places of the list are.

    A sector whose terms the policy does not have cannot be formed: its `places` are None.
    """
    result = []
    for alternative, subject, other in _alternatives(policy, weights):
        if other is None:
            result.append(Sensitivity(alternative=alternative, subject=subject, places=None))
            continue
        found = ranks(composite(terms, other), policy.alpha, policy.practical_gap)
        result.append(Sensitivity(alternative=alternative, subject=subject, places=tuple(found.place.tolist())))
    return tuple(result)


def _alternatives(policy: Policy, weights: Floats) -> Iterator[tuple[Alternative, str, Floats | None]]:
    count = len(weights)
    yield "equal", "", np.full(count, 1.0 / count)
    for sector in sectors():
        if sector != policy.sector:
            yield "sector", sector, _of_sector(policy, sector)
    if count == 1:
        return  # there is nothing to weigh
    for index, term in enumerate(policy.terms):
        yield "more", term.metric, _scaled(weights, index, 1.0 + _STEP)
        yield "less", term.metric, _scaled(weights, index, 1.0 - _STEP)
    for workload in dict.fromkeys(term.metric.split(".")[0] for term in policy.terms):
        left = np.array([0.0 if term.metric.startswith(f"{workload}.") else 1.0 for term in policy.terms]) * weights
        yield "without", workload, left / left.sum() if left.sum() > 0 else None


def _of_sector(policy: Policy, sector: str) -> Floats | None:
    """A sector's weights on the policy's terms, None unless all of the sector's terms are there."""
    theirs = {term.metric: term.weight for term in shipped(sector).terms}
    ours = [term.metric for term in policy.terms]
    if not set(theirs) <= set(ours):
        return None
    found = np.array([theirs.get(metric, 0.0) for metric in ours])
    result: Floats = found / found.sum()
    return result


def _scaled(weights: Floats, index: int, factor: float) -> Floats:
    changed = weights.copy()
    changed[index] *= factor
    result: Floats = changed / changed.sum()
    return result
