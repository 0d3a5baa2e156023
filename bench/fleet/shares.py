"""What each node is asked of a common load: its part of a Poisson stream, and a seed of its own."""

from __future__ import annotations

import hashlib

import msgspec

from bench.records.hashing import derive_seed
from bench.records.plan import RunPlan


def share_of(plan: RunPlan, place: int, count: int) -> RunPlan:
    """The plan of node `place` of `count` that measure together.

    Independent Poisson streams of λ/n are together one of λ (superposition), and to send every query of such a stream
    to one of n nodes at random makes such streams (thinning): so each node draws its own, of λ/n, by its own seed.
    `offline` is all that a node can do; its plan has the seed only. A given nonce is hashed with the place.
    """
    rate = plan.rate_per_s / count if plan.rate_per_s is not None else None
    rates = {name: one / count for name, one in plan.rates.items()}
    if plan.nonce is not None:
        nonce = hashlib.sha256(f"{plan.nonce}:node:{place}".encode()).hexdigest()
        return msgspec.structs.replace(plan, rate_per_s=rate, rates=rates, nonce=nonce)
    seed = derive_seed(plan.seed, "node", place) if plan.mode != "certified" else 0
    return msgspec.structs.replace(plan, rate_per_s=rate, rates=rates, seed=seed)
