"""The whole list: candidates in rows, rows in tables, ranks within a table, and how much they hang on the weights."""

from __future__ import annotations

import datetime
import math
from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np
import numpy.typing as npt

from bench import __version__
from bench.procurement.addresses import parsed
from bench.procurement.candidates import Candidate, Unreadable
from bench.procurement.rows import Assessed, Particulars, assessed, unreadable
from bench.procurement.sensitivity import sensitivity
from bench.procurement.values import gate_value, stacked
from bench.records.listing import Listing, Pair, Place, Ranking, Remark, Row, Sensitivity, Table
from bench.records.policy import Policy
from bench.scoring.ranking import Composite, Terms, composite, differing, holm_limit, pareto, ranks

MOST_PAIRS = 200
"""Systems of one table up to which pairs are listed and other weights are tried: beyond, nobody reads them."""
_RANKED: tuple[Table, ...] = ("formal", "self-test")


def listing(
    policy: Policy,
    policy_sha256: str,
    found: Sequence[Candidate | Unreadable],
    on: datetime.date,
    particulars: Particulars,
    suite_version: str = __version__,
) -> Listing:
    """The list as of a day. Every submission has a row, in the order given; ranks are within one table."""
    made = [
        unreadable(number, entry) if isinstance(entry, Unreadable) else assessed(number, entry, policy, particulars, on)
        for number, entry in enumerate(found, start=1)
    ]
    made = _one_each(made)
    rows, rankings = {one.row.number: one.row for one in made}, []
    for table in _RANKED:
        members = [one for one in made if one.row.table == table and (table != "formal" or one.row.eligible)]
        ranking, places = _ranked(table, members, policy)
        rankings.append(ranking)
        rows |= {number: msgspec.structs.replace(rows[number], place=place) for number, place in places.items()}
        rows |= _fronts(policy, [rows[one.row.number] for one in members], found)
    return Listing(
        suite_version=suite_version,
        made_on=on,
        policy=policy,
        policy_sha256=policy_sha256,
        rows=tuple(rows[number] for number in sorted(rows)),
        rankings=tuple(rankings),
        remarks=_about_all(policy, made, on),
    )


def _one_each(made: Sequence[Assessed]) -> list[Assessed]:
    """One row a run and one a configuration: of what could be assessed in the same table the last run, not the best.

    Ids sort by time. What is void, quick or a self-test takes no formal result out of the list.
    """
    newest: dict[tuple[str, str], str] = {}
    for one in made:
        key = (one.row.table, one.row.config_hash)
        newest[key] = max(newest.get(key, ""), one.row.run_id)
    seen: set[str] = set()
    result = []
    for one in made:
        last = newest[one.row.table, one.row.config_hash]
        remark = None
        if one.row.table != "not-assessed":
            if one.row.run_id in seen:
                remark = Remark(code="twice", subject=one.row.run_id)
            elif one.row.run_id != last:
                remark = Remark(code="superseded", subject=last)
            seen.add(one.row.run_id)
        result.append(one if remark is None else _set_aside(one, remark))
    return result


def _set_aside(one: Assessed, remark: Remark) -> Assessed:
    remarks = (*one.row.remarks, remark)
    return Assessed(msgspec.structs.replace(one.row, table="not-assessed", eligible=False, remarks=remarks))


def _ranked(table: Table, members: Sequence[Assessed], policy: Policy) -> tuple[Ranking, dict[int, Place]]:
    """What is said of one table, and the place of each of its rows."""
    numbers = tuple(one.row.number for one in members)
    if not members:
        return Ranking(table=table, numbers=(), pairs=(), sensitivity=()), {}
    terms = terms_of(members)
    weights = np.array([term.weight for term in policy.terms])
    weights /= weights.sum()
    scores = composite(terms, weights)
    found = ranks(scores, policy.alpha, policy.practical_gap)
    few = len(members) <= MOST_PAIRS
    tried = sensitivity(terms, policy, weights) if few else ()
    least, most = _extremes(tried, found.place)
    remarks = []
    if few and (least != most).any():
        moved = ", ".join(str(number) for number, a, b in zip(numbers, least, most, strict=True) if a != b)
        remarks.append(Remark(code="rank-weight-sensitive", subject=table, seen=moved))
    if not few:
        remarks.append(Remark(code="not-tried", subject=table, seen=str(MOST_PAIRS)))
    low, high = scores.ends()
    places = {
        number: Place(
            place=int(found.place[i]),
            last=int(found.last[i]),
            score=math.exp(scores.value[i]),
            low=math.exp(low[i]),
            high=math.exp(high[i]),
            places=(int(least[i]), int(most[i])) if few else None,
        )
        for i, number in enumerate(numbers)
    }
    pairs = _pairs(scores, numbers, policy) if few else ()
    return Ranking(table=table, numbers=numbers, pairs=pairs, sensitivity=tried, remarks=tuple(remarks)), places


def terms_of(members: Sequence[Assessed]) -> Terms:
    """What their repetitions say, as arrays."""
    rows = [list(one.terms) for one in members]
    return Terms(
        mean=stacked(rows, "mean"),
        variance=stacked(rows, "variance"),
        degrees=stacked(rows, "repetitions") - 1.0,
        resolution=stacked(rows, "resolution"),
    )


def _extremes(
    tried: Sequence[Sensitivity], places: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    every = np.array([places, *(one.places for one in tried if one.places is not None)])
    return every.min(axis=0), every.max(axis=0)


def _pairs(scores: Composite, numbers: Sequence[int], policy: Policy) -> tuple[Pair, ...]:
    """The pairs of rows that differ significantly."""
    if len(numbers) < 2:
        return ()
    first, second = np.array(list(combinations(range(len(numbers)), 2))).T
    differs = differing(scores, first, second, holm_limit(scores, policy.alpha))
    result = []
    for i, j in zip(first[differs].tolist(), second[differs].tolist(), strict=True):
        better, worse = (i, j) if scores.value[i] > scores.value[j] else (j, i)
        gap = math.expm1(scores.value[better] - scores.value[worse])
        practical = gap >= policy.practical_gap
        result.append(Pair(better=numbers[better], worse=numbers[worse], gap=gap, practical=practical))
    return tuple(result)


def _fronts(policy: Policy, rows: Sequence[Row], found: Sequence[Candidate | Unreadable]) -> dict[int, Row]:
    """The rows with whether they lie on the front of the policy's metrics; None where one of these is missing."""
    if not policy.pareto or not rows:
        return {}
    axes = np.full((len(rows), len(policy.pareto)), np.nan)
    regions = {term.metric: term.timed_region for term in policy.terms}
    for i, row in enumerate(rows):
        candidate = found[row.number - 1]
        assert isinstance(candidate, Candidate)
        for j, metric in enumerate(policy.pareto):
            address = parsed(metric)
            value = gate_value(candidate, address, regions.get(metric, "host_to_host"))
            if not isinstance(value, Remark):
                axes[i, j] = value[0] if address.better == "higher" else -value[0]
    front, known = pareto(axes), ~np.isnan(axes).any(axis=1)
    return {
        row.number: msgspec.structs.replace(row, on_pareto_front=bool(front[i]) if known[i] else None)
        for i, row in enumerate(rows)
    }


def _about_all(policy: Policy, made: Sequence[Assessed], on: datetime.date) -> tuple[Remark, ...]:
    remarks = []
    if not made:
        remarks.append(Remark(code="no-submissions"))
    if not policy.valid_from <= on <= policy.valid_until:
        round_ = f"{policy.valid_from} .. {policy.valid_until}"
        remarks.append(Remark(code="out-of-round", subject=str(on), seen=round_))
    counts = Counter(one.row.run_id for one in made if one.row.run_id)
    remarks += [Remark(code="twice", subject=run_id) for run_id, count in sorted(counts.items()) if count > 1]
    return tuple(remarks)
