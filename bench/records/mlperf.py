"""A result of an MLPerf Inference round, as its submitter published it; nothing in it was measured here."""

from __future__ import annotations

import msgspec


class MlperfResult(msgspec.Struct, frozen=True, kw_only=True):
    """Where a result stands in a round, and what its files say of it, in their own words.

    `division`, `submitter`, `system` and `benchmark` are the folders that it lies in; `round` is what whoever imported
    it said it is of, None where nobody did. `accuracy` is the line of `accuracy.txt` that holds the figures, None where
    there is none. `started_at` is LoadGen's own clock. `detail_sha256` is over the detail log. The rest is of the
    system's description: texts without units, as they were typed.
    """

    round: str | None = None
    division: str
    submitter: str
    system: str
    benchmark: str
    started_at: str | None = None
    loadgen_version: str
    accuracy: str | None = None
    weights: str
    samples_per_query: int
    performance_samples: int
    status: str = ""
    system_type: str = ""
    nodes: str = ""
    accelerator: str = ""
    accelerators_per_node: str = ""
    framework: str = ""
    detail_sha256: str
