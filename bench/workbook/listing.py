"""A procurement list as a workbook: the list, and everything that it stands on."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import msgspec

from bench.records.listing import Limit, Listing, Row
from bench.records.metrics import METRICS
from bench.records.particulars import LISTED
from bench.text import name, sentence
from bench.text.catalogue import catalogue
from bench.text.listing import remark_text
from bench.text.tabular import Cell
from bench.workbook.definitions import definition_sheet, metric_name
from bench.workbook.sheets import Column, Kind, Sheet
from bench.workbook.writing import workbook

_Head = Callable[..., Column]


def list_workbook(made: Listing, lang: str) -> bytes:
    """The whole list. The same list gives the same bytes, whenever they are made."""
    policy = made.policy
    title = sentence(lang, "list.head", title=policy.title.get(lang, policy.name), round=policy.round, day=made.made_on)
    sheets = (
        _list(made, lang),
        _scores(made, lang),
        _gates(made, lang),
        _values(made, lang),
        _uncertainty(made, lang),
        _pairs(made, lang),
        _sensitivity(made, lang),
        _remarks(made, lang),
        _particulars(made, lang),
        definition_sheet([term.metric.rpartition(".")[2] for term in policy.terms], _EXPLAINED, lang),
        _policy(made, lang),
    )
    midnight = datetime.datetime.combine(made.made_on, datetime.time())
    return workbook(sheets, title, midnight, lang)


_EXPLAINED: Final = ("score", "rank_range", "ratio", "gates", "pairs", "sensitivity", "uncertainty")


def _heads(lang: str) -> _Head:
    def head(key: str, kind: Kind = "text", digits: int = 6) -> Column:
        known = catalogue(lang).get(f"list_column.{key}")
        return Column(known or sentence(lang, f"column.{key}"), kind, digits)

    return head


def _title(lang: str, key: str) -> str:
    return sentence(lang, f"workbook.sheet_{key}")


def _list(made: Listing, lang: str) -> Sheet:
    head, digits = _heads(lang), made.policy.digits
    columns = (
        *(head("number", "count"), head("system"), head("table"), head("eligible"), head("place", "count")),
        *(head("rank_range"), *(head(key, "value", digits) for key in ("score", "score_low", "score_high"))),
        *(head("gates_met", "count"), head("gates_total", "count"), head("class"), head("tested_on", "date")),
        *(head("expires_on", "date"), head("state"), head("run_id"), head("remarks")),
    )
    return Sheet(_title(lang, "list"), columns, [_list_row(row, lang) for row in made.rows], fixed=2)


def _list_row(row: Row, lang: str) -> tuple[Cell, ...]:
    place = row.place
    told: tuple[Cell, ...] = (None,) * 5
    if place is not None:
        told = (place.place, f"{place.place}–{place.last}", place.score, place.low, place.high)
    met = sum(gate.state == "met" for gate in row.gates)
    return (
        row.number,
        row.system,
        name(lang, "list_table", row.table),
        name(lang, "list_verdict", "eligible" if row.eligible else "not-eligible"),
        *told,
        met,
        len(row.gates),
        row.machine_class,
        row.tested_on,
        row.expires_on,
        name(lang, "list_state", row.state),
        row.run_id,
        " | ".join(remark_text(lang, one) for one in row.remarks),
    )


def _scores(made: Listing, lang: str) -> Sheet:
    head, digits = _heads(lang), made.policy.digits
    columns = (
        *(head("number", "count"), head("system"), head("table"), head("place", "count"), head("place_last", "count")),
        *(head(key, "value", digits) for key in ("score", "score_low", "score_high")),
        *(head("place_least", "count"), head("place_greatest", "count"), head("pareto", "flag")),
    )
    rows = [
        (
            *(row.number, row.system, name(lang, "list_table", row.table)),
            *(row.place.place, row.place.last, row.place.score, row.place.low, row.place.high),
            *(row.place.places or (None, None)),
            *(row.on_pareto_front,),
        )
        for row in made.rows
        if row.place is not None
    ]
    return Sheet(_title(lang, "scores"), columns, rows, fixed=2)


def _gates(made: Listing, lang: str) -> Sheet:
    head = _heads(lang)
    columns = (
        *(head("number", "count"), head("system"), head("gate_name"), head("required"), head("seen"), head("verdict")),
        *(head("near", "flag"), head("unit"), *(head(key, "value") for key in ("value", "low", "high"))),
    )
    rows = [
        (
            *(row.number, row.system, name(lang, "list_gate_name", gate.gate), gate.required, _seen(gate)),
            *(name(lang, "list_gate", gate.state), gate.near, _unit(gate.gate) if gate.value is not None else None),
            *(gate.value, gate.low, gate.high),
        )
        for row in made.rows
        for gate in row.gates
    ]
    return Sheet(_title(lang, "gates"), columns, rows, fixed=2)


def _seen(gate: Limit) -> str:
    """What was seen; a measured value stands in columns of its own."""
    return gate.seen if gate.value is None else ""


def _unit(address: str) -> str:
    metric = address.rpartition(".")[2]
    return METRICS[metric].unit if metric in METRICS else "1"  # the workload's own quality is a share


def _values(made: Listing, lang: str) -> Sheet:
    head, policy = _heads(lang), made.policy
    weights = {term.metric: term.weight for term in policy.terms}
    columns = (
        *(
            head("number", "count"),
            head("system"),
            head("term"),
            head("metric"),
            head("unit"),
            head("value", "value", 9),
        ),
        *(
            head("repetitions", "count"),
            head("reference_value", "value", 9),
            head("ratio", "value"),
            head("weight", "share"),
        ),
        *(head("repetition_variance", "value"), head("resolution_variance", "value")),
    )
    rows = [
        (
            *(
                row.number,
                row.system,
                term.metric,
                metric_name(term.metric.rpartition(".")[2], lang),
                _unit(term.metric),
            ),
            *(term.value, term.repetitions, policy.reference.values.get(term.metric), term.ratio),
            *(weights.get(term.metric), term.repetition_variance, term.resolution_variance),
        )
        for row in made.rows
        for term in row.terms
    ]
    return Sheet(_title(lang, "values"), columns, rows, fixed=2)


def _uncertainty(made: Listing, lang: str) -> Sheet:
    head = _heads(lang)
    columns = (head("number", "count"), head("system"), head("uncertainty_source"), head("variance", "value"))
    rows = [
        (row.number, row.system, name(lang, "list_source", one.source), one.variance)
        for row in made.rows
        for one in row.budget
    ]
    return Sheet(_title(lang, "uncertainty"), columns, rows, fixed=2)


def _pairs(made: Listing, lang: str) -> Sheet:
    head, systems = _heads(lang), {row.number: row.system for row in made.rows}
    columns = (
        *(head("table"), head("better", "count"), head("better_system"), head("worse", "count"), head("worse_system")),
        *(head("gap", "share"), head("practical", "flag")),
    )
    rows = [
        (
            *(name(lang, "list_table", ranking.table), one.better, systems.get(one.better), one.worse),
            *(systems.get(one.worse), one.gap, one.practical),
        )
        for ranking in made.rankings
        for one in ranking.pairs
    ]
    return Sheet(_title(lang, "pairs"), columns, rows)


def _sensitivity(made: Listing, lang: str) -> Sheet:
    head, systems = _heads(lang), {row.number: row.system for row in made.rows}
    columns = (
        *(head("table"), head("alternative"), head("alternative_term"), head("number", "count"), head("system")),
        head("place", "count"),
    )
    rows = [
        (
            *(name(lang, "list_table", ranking.table), name(lang, "alternative_kind", one.alternative), one.subject),
            *(number, systems.get(number), place),
        )
        for ranking in made.rankings
        for one in ranking.sensitivity
        for number, place in zip(ranking.numbers, one.places or (None,) * len(ranking.numbers), strict=True)
    ]
    return Sheet(_title(lang, "sensitivity"), columns, rows)


def _remarks(made: Listing, lang: str) -> Sheet:
    head = _heads(lang)
    columns = (head("number", "count"), head("system"), head("table"), head("code"), head("remarks"))
    rows: list[tuple[Cell, ...]] = [(None, None, None, one.code, remark_text(lang, one)) for one in made.remarks]
    for ranking in made.rankings:
        table = name(lang, "list_table", ranking.table)
        rows += [(None, None, table, one.code, remark_text(lang, one)) for one in ranking.remarks]
    for row in made.rows:
        about = (row.number, row.system, name(lang, "list_table", row.table))
        rows += [(*about, one.code, remark_text(lang, one)) for one in row.remarks]
    return Sheet(_title(lang, "remarks"), columns, rows, fixed=2)


def _particulars(made: Listing, lang: str) -> Sheet:
    head = _heads(lang)
    keys = ("vendor", "product", "backend", "device", "mode", "attestation", "division", "availability")
    ends = ("declared_origin", "config_hash", "archive_sha256", "source")
    columns = (head("number", "count"), head("system"), *(head(key) for key in (*LISTED, *keys, *ends)))
    rows: list[tuple[Cell, ...]] = [
        (
            row.number,
            row.system,
            *(row.particulars.get(key, "") for key in LISTED),
            *(row.vendor, row.product, row.backend, row.device, row.mode),
            name(lang, "attestation", row.attestation) if row.attestation else "",
            name(lang, "division", row.division) if row.division else "",
            row.availability,
            "; ".join(f"{part}: {text}" for part, text in row.declared_origin.items()),
            *(row.config_hash, row.archive_sha256, row.source),
        )
        for row in made.rows
    ]
    return Sheet(_title(lang, "particulars"), columns, rows, fixed=2)


def _policy(made: Listing, lang: str) -> Sheet:
    head = _heads(lang)
    rows: list[tuple[Cell, ...]] = [
        ("policy_sha256", made.policy_sha256),
        ("made_on", made.made_on),
        ("suite_version", made.suite_version),
    ]
    rows += _flat("", msgspec.to_builtins(made.policy, builtin_types=(datetime.date,)))
    return Sheet(_title(lang, "policy"), (head("rule"), head("setting", "value", 9)), rows)


def _flat(prefix: str, value: object) -> Iterator[tuple[Cell, ...]]:
    """The rules as the policy's file names them."""
    entries: Sequence[tuple[str, object]]
    if isinstance(value, dict):
        entries = [(str(key), entry) for key, entry in value.items()]
    elif isinstance(value, list | tuple):
        entries = [(str(place), entry) for place, entry in enumerate(value, start=1)]
    else:
        yield prefix, value if isinstance(value, str | int | float | datetime.date) else None
        return
    for key, entry in entries:
        yield from _flat(f"{prefix}.{key}" if prefix else key, entry)
