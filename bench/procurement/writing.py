"""A list as files: `list.json`, whole and unrounded, and `list.csv`, one line per row under the names of the field."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bench.records.listing import Listing, Row
from bench.records.metrics import METRICS
from bench.records.particulars import LISTED
from bench.store.files import write_bytes, write_record
from bench.text import figures, name, sentence, tabular
from bench.text.listing import remark_text

JSON, CSV = "list.json", "list.csv"
# What a table in a page of text has of it.
_TOLD: Final = (
    *("number", "table", "eligible", "place", "rank_range", "score", "score_low", "score_high"),
    *("vendor", "product", "run_id", "remarks"),
)


def write(made: Listing, folder: Path, lang: str) -> None:
    """Write both files into `folder`. Raises OSError."""
    write_record(folder / JSON, made)
    write_bytes(folder / CSV, csv_text(made, lang).encode("utf-8-sig"))  # the mark has spreadsheets read Chinese


def csv_text(made: Listing, lang: str) -> str:
    """The rows as CSV, with a line of headings. What is not known is empty."""
    headings, rows = _table(made, lang)
    return tabular.csv_text(headings, rows)


def markdown_text(made: Listing, lang: str) -> str:
    """The rows as a table of Markdown: who, in which place, and what is to be said of it."""
    headings, rows = _table(made, lang)
    places = [headings.index(sentence(lang, f"list_column.{key}")) for key in _TOLD]
    return tabular.markdown_text(
        [headings[place] for place in places], [[row[place] for place in places] for row in rows]
    )


def _table(made: Listing, lang: str) -> tuple[list[str], list[list[tabular.Cell]]]:
    """Headings and rows; numbers are rounded texts, which is how a list prints them."""
    most = max((len(row.gates) for row in made.rows), default=0)
    cells = [_cells(made, row, most, lang) for row in made.rows]
    headings = list(_cells(made, Row(number=0, table="not-assessed", run_id="", source=""), most, lang))
    return headings, [[row[heading] for heading in headings] for row in cells]


def _cells(made: Listing, row: Row, most_gates: int, lang: str) -> dict[str, str]:
    """One row by heading; every row has as many gates as the one with most."""
    digits, place = made.policy.digits, row.place
    known = {
        "number": str(row.number),
        "table": name(lang, "list_table", row.table),
        "eligible": name(lang, "list_verdict", "eligible" if row.eligible else "not-eligible"),
        "place": str(place.place) if place is not None else "",
        "rank_range": f"{place.place}–{place.last}" if place is not None else "",
        "score": figures.significant(place.score, digits) if place is not None else "",
        "score_low": figures.significant(place.low, digits) if place is not None else "",
        "score_high": figures.significant(place.high, digits) if place is not None else "",
        **{key: row.particulars.get(key, "") for key in LISTED},
        "vendor": row.vendor,
        "product": row.product,
        "class": row.machine_class,
        "config_hash": row.config_hash,
        "sector": made.policy.sector,
        "basis": f"{made.policy.name} {made.policy.round}, suite {made.policy.suite_version}",
        "policy_sha256": made.policy_sha256,
        "run_id": row.run_id,
        "attestation": name(lang, "attestation", row.attestation) if row.attestation else "",
        "division": name(lang, "division", row.division) if row.division else "",
        "mode": row.mode,
        "tested_on": str(row.tested_on or ""),
        "expires_on": str(row.expires_on or ""),
        "state": name(lang, "list_state", row.state),
        "availability": row.availability,
        "declared_origin": "; ".join(f"{part}: {text}" for part, text in row.declared_origin.items()),
        "reference": made.policy.reference.system,
        "archive_sha256": row.archive_sha256 or "",
        "source": row.source,
    }
    cells = {sentence(lang, f"list_column.{key}"): value for key, value in known.items()}
    cells |= _terms(made, row, lang)
    for number, gate in enumerate(row.gates, start=1):
        state = name(lang, "list_gate", gate.state)
        cells[_gate_heading(lang, number)] = f"{gate.gate} {gate.required}: {gate.seen} ({state})"
    for number in range(len(row.gates) + 1, most_gates + 1):
        cells[_gate_heading(lang, number)] = ""
    cells[sentence(lang, "list_column.remarks")] = " | ".join(remark_text(lang, one) for one in row.remarks)
    return cells


def _gate_heading(lang: str, number: int) -> str:
    return sentence(lang, "list_column.gate", number=number)


def _terms(made: Listing, row: Row, lang: str) -> dict[str, str]:
    """Value and ratio of each term of the policy."""
    digits, found = made.policy.digits, {term.metric: term for term in row.terms}
    cells = {}
    for term in made.policy.terms:
        result, unit = found.get(term.metric), METRICS[term.metric.rpartition(".")[2]].unit
        cells[f"{term.metric} ({unit})"] = figures.significant(result.value, digits) if result is not None else ""
        ratio = figures.significant(result.ratio, digits) if result is not None else ""
        cells[sentence(lang, "list_column.term_ratio", metric=term.metric)] = ratio
    return cells
