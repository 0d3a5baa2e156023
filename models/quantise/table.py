"""The table `[int8]` of a workload.toml, which the rest of that file is left alone around."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bench.models.graph import GraphStatistics, graph_statistics, model_hash
from bench.models.quantise.assess import Assessed
from bench.models.quantise.build import Recipe

_TABLE = re.compile(r"(?m)^(#.*bench\.models\.quantise.*\n)?\[int8\]\n(?:[^\[\n].*\n|\n)*")
_TEXT = """\
# Written by `python -m bench.models.quantise {name}`, whose flags are the first three lines; the others are computed.
[int8]
method = "{method}"
calibration_samples = {samples}
keep_float = {keep_float}
graph = "{graph}"
model_hash = "{model_hash}"
macs_share = {macs_share:.4f}
value = {value:.6f}
interval = [{low:.6f}, {high:.6f}]
loss_at_most = {loss:.6f}
agreement = {agreement:.6f}
error = {error:.6f}
error_limit = {error_limit:.6f}
computed_with = {{ onnxruntime = "{onnxruntime}", numpy = "{numpy}" }}

"""


def written(
    text: str,
    recipe: Recipe,
    file: Path,
    graph: str,
    found: Assessed,
    limit: float,
    forms: Mapping[str, Sequence[int]] = MappingProxyType({}),
) -> str:
    """`text` of a workload.toml with the table of this file, in place of an older one or before the inputs.

    `limit` is the error class, `forms` are as `graph_statistics` takes them.
    """
    table = _table(text, recipe, file, graph, found, limit, graph_statistics(file, forms))
    if _TABLE.search(text):
        return _TABLE.sub(lambda match: table, text, count=1)
    before, inputs, after = text.partition("[[inputs]]")
    if not inputs:
        raise ValueError("workload.toml names no [[inputs]]")
    return before + table + inputs + after


def int8_macs_share(counted: GraphStatistics) -> float:
    """Share of the multiply-accumulates that are done in int8."""
    return sum(counted.macs_by_node[name] for name in counted.int8_nodes) / max(1, counted.macs_per_sample)


def _table(
    text: str, recipe: Recipe, file: Path, graph: str, found: Assessed, limit: float, counted: GraphStatistics
) -> str:
    import onnxruntime

    interval = found.verdict.interval
    name = re.search(r'(?m)^name = "(.*)"$', text)
    return _TEXT.format(
        name=name[1] if name else "NAME",
        method=recipe.method,
        samples=recipe.samples,
        keep_float=json.dumps(recipe.keep_float),
        graph=graph,
        model_hash=model_hash(file),
        macs_share=int8_macs_share(counted),
        value=found.verdict.value,
        low=interval.low,
        high=interval.high,
        loss=found.loss_at_most,
        agreement=found.agreement,
        error=found.error.median,
        error_limit=limit,
        onnxruntime=onnxruntime.__version__,
        numpy=np.__version__,
    )
