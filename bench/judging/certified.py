"""What mode `certified` finds out beside the figures: whether the engine computes what it is given, on any input."""

from __future__ import annotations

from bench.records.findings import Finding, finding
from bench.records.job import Challenge
from bench.records.plan import Mode
from bench.records.record import Nonce

# How much slower the challenge may run than the measured network (measurement.md section 4), held against the lower
# end of an interval so that noise does not accuse.
CHALLENGE_SLOWER = 1.03


def challenge_findings(asked: Challenge | None, mode: Mode) -> list[Finding]:
    """Findings about the challenge; none where it was not due."""
    if asked is None:
        return []
    if asked.refused is not None:
        code = "challenge-failed" if asked.refused_by == "engine" else "challenge-not-made"
        return [finding(code, mode, asked.refused)]
    found = []
    if asked.mismatched:
        found.append(finding("challenge-failed", mode, asked.mismatched, asked.samples))
    if asked.slower is not None and asked.slower > CHALLENGE_SLOWER:
        found.append(finding("challenge-slower", mode, asked.slower, CHALLENGE_SLOWER))
    return found


def nonce_findings(nonce: Nonce | None, mode: Mode) -> list[Finding]:
    """Whether somebody else than whoever ran it vouches for the nonce."""
    return [finding("nonce-self-drawn", mode)] if nonce is not None and nonce.origin == "drawn" else []
