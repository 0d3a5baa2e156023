"""Parts of the pages of a list: one row in full, and the policy that the list was made by."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.pages.pictures import picture
from bench.pages.run import Picture
from bench.plots.forest import Forest
from bench.records.listing import Limit, Listing, Row
from bench.records.metrics import METRICS
from bench.records.particulars import LISTED
from bench.records.policy import QUALITY
from bench.report.inspection import unit_text
from bench.report.styles import clipped
from bench.text import figures, name, printable, sentence
from bench.text.listing import gate_words, remark_text
from bench.text.rounding import exact, plain, rounded, shown_unit

_MOST = 300


class GateLine(msgspec.Struct, frozen=True, kw_only=True):
    """One gate: what was asked for, what was measured, and the verdict."""

    name: str
    required: str
    seen: str
    state: str
    state_text: str
    near: str


class TermLine(msgspec.Struct, frozen=True, kw_only=True):
    """One term: the published value with its unit, and its ratio to the reference."""

    metric: str
    value: str
    ratio: str
    repetitions: str


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """One row in full."""

    number: int
    title: str
    facts: tuple[tuple[str, str], ...]
    gates: tuple[GateLine, ...]
    terms: tuple[TermLine, ...]
    budget: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    pictures: tuple[Picture, ...]


class PolicyPart(msgspec.Struct, frozen=True, kw_only=True):
    """The policy in words: labelled facts, terms (address, weight, reference, region), gates (address, limit)."""

    facts: tuple[tuple[str, str], ...]
    terms: tuple[tuple[str, str, str, str], ...]
    gates: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, str], ...]


def detail(made: Listing, row: Row, drawn: bool, lang: str) -> Detail:
    """A row with everything that is said of it; `drawn`: with a picture of its terms."""
    return Detail(
        number=row.number,
        title=clipped(row.system, 80),
        facts=tuple(_facts(row, lang)),
        gates=tuple(gate_line(gate, made.policy.digits, lang) for gate in row.gates),
        terms=tuple(_term(made, row, lang)),
        budget=tuple(_budget(row, lang)),
        remarks=tuple(clipped(remark_text(lang, one), _MOST) for one in row.remarks[:20]),
        pictures=tuple(_pictures(made, row, lang)) if drawn else (),
    )


def _facts(row: Row, lang: str) -> Iterator[tuple[str, str]]:
    known = {
        **{key: row.particulars.get(key, "") for key in LISTED},
        "run_id": row.run_id,
        "config_hash": row.config_hash,
        "class": row.machine_class,
        "attestation": name(lang, "attestation", row.attestation) if row.attestation else "",
        "division": name(lang, "division", row.division) if row.division else "",
        "mode": name(lang, "mode", row.mode) if row.mode else "",
        "availability": row.availability,
        "declared_origin": "; ".join(f"{part}: {text}" for part, text in row.declared_origin.items()),
        "tested_on": str(row.tested_on or ""),
        "expires_on": str(row.expires_on or ""),
        "state": name(lang, "list_state", row.state),
        "archive_sha256": row.archive_sha256 or "",
        "source": row.source,
    }
    yield from ((sentence(lang, f"list_column.{key}"), clipped(text, _MOST)) for key, text in known.items() if text)


def gate_line(gate: Limit, digits: int, lang: str) -> GateLine:
    """A gate in words; a measured value in the unit of its limit."""
    return GateLine(
        name=clipped(name(lang, "list_gate_name", gate.gate), _MOST),
        required=clipped(gate_words(lang, gate.gate, gate.required), _MOST),
        seen=_seen(gate, digits) if gate.value is not None else clipped(gate_words(lang, gate.gate, gate.seen), _MOST),
        state=gate.state,
        state_text=name(lang, "list_gate", gate.state),
        near=sentence(lang, "list.near") if gate.near else "",
    )


def _seen(gate: Limit, digits: int) -> str:
    """The measured value in the unit of the limit; in full where that is near, for rounding may hide the verdict."""
    assert gate.value is not None
    unit, shown = _unit(gate.gate), gate.required.removesuffix(" *").rpartition(" ")[2]
    value = exact(gate.value, unit, shown)
    text = plain(value) if gate.near else rounded(gate.value, None, unit, shown, digits).value
    if gate.low is None or gate.high is None:
        return f"{text} {shown}"
    low, high = (rounded(end, None, unit, shown, digits).value for end in (gate.low, gate.high))
    return f"{text} {shown} [{low}, {high}]"


def _unit(address: str) -> str:
    metric = address.rpartition(".")[2]
    return "1" if metric == QUALITY else METRICS[metric].unit if metric in METRICS else ""


def _term(made: Listing, row: Row, lang: str) -> Iterator[TermLine]:
    digits = made.policy.digits
    for term in row.terms:
        unit = _unit(term.metric)
        shown = shown_unit(unit, term.value)
        value = rounded(term.value, None, unit, shown, digits).value
        yield TermLine(
            metric=term.metric,
            value=f"{value} {unit_text(shown, lang)}".strip(),
            ratio=figures.significant(term.ratio, digits),
            repetitions=str(term.repetitions),
        )


def _budget(row: Row, lang: str) -> Iterator[tuple[str, str]]:
    for source in row.budget:
        text = sentence(lang, "plot.not_assessed")
        if source.variance is not None:
            text = f"u = {figures.significant(100.0 * source.variance**0.5, 2)} %"
        yield name(lang, "plot_source", source.source), text


def _pictures(made: Listing, row: Row, lang: str) -> Iterator[Picture]:
    forest = Forest.of_row(row, made.policy.reference.system)
    if forest is not None:
        yield picture(forest.draw, 7.0, forest.height, sentence(lang, "list_page.figure_terms"), lang)


def policy_part(made: Listing, lang: str) -> PolicyPart:
    """What the list was made by, whole."""
    policy, asked, reference = made.policy, made.policy.admission, made.policy.reference
    facts = {
        "policy": f"{policy.name}, {policy.round}, {policy.sector}",
        "sha256": made.policy_sha256,
        "suite": policy.suite_version,
        "round": f"{policy.valid_from} – {policy.valid_until}",
        "months": str(policy.valid_months),
        "alpha": figures.share(policy.alpha),
        "gap": figures.share(policy.practical_gap),
        "digits": str(policy.digits),
        "modes": ", ".join(name(lang, "mode", one) for one in asked.modes),
        "origins": ", ".join(name(lang, "origin", one) for one in asked.origins),
        "division": name(lang, "division", asked.division) if asked.division == "closed" else figures.NONE,
        "senses": sentence(lang, "list_page.yes" if asked.both_senses else "list_page.no"),
        "repetitions": f"≥ {asked.repetitions}",
        "reference": " ".join(part for part in (reference.system, reference.run_id, reference.sha256) if part),
        "pareto": ", ".join(policy.pareto) or figures.NONE,
    }
    addresses = [term.metric for term in policy.terms] + [gate.metric for gate in policy.gates]
    named = dict.fromkeys(address.rpartition(".")[2] for address in addresses)
    return PolicyPart(
        facts=tuple((sentence(lang, f"list_policy.{key}"), printable(text)) for key, text in facts.items()),
        terms=tuple(
            (
                printable(term.metric),
                f"{term.weight:g}",
                _reference(term.metric, reference.values.get(term.metric), lang),
                name(lang, "test_report_region", term.timed_region),
            )
            for term in policy.terms
        ),
        gates=tuple(
            (printable(gate.metric), f"{'★ ' if gate.guarded else ''}{gate.op} {gate.limit:g} {gate.unit}")
            for gate in policy.gates
        ),
        metrics=tuple(
            (name(lang, "metric", f"{one}.name"), name(lang, "metric", f"{one}.definition"))
            for one in named
            if one in METRICS
        ),
    )


def _reference(metric: str, value: float | None, lang: str) -> str:
    if value is None:
        return figures.NONE
    unit = _unit(metric)
    shown = shown_unit(unit, value)
    return f"{plain(exact(value, unit, shown))} {unit_text(shown, lang)}".strip()
