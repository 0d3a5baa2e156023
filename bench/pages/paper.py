"""A test report as plain values of text and drawings, in the order in which it is printed: cover, page 2, body."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from bench.pages.pictures import printed
from bench.pages.run import Page, Picture, build_page
from bench.pages.samples import Round, Workload, rounds_of, workloads_of
from bench.records.inspection import Inspection
from bench.records.particulars import BY_CLIENT, Instrument
from bench.records.record import Record, Run, Trial
from bench.records.submission import ATTESTING
from bench.report.collected import Collected
from bench.report.details import Section
from bench.report.inspection import DIGITS, ConditionRow, ResultRow, condition_rows, result_rows
from bench.text import figures, name, printable, sentence
from bench.text.listing import remark_text

_STATEMENTS = 8


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A labelled field; an empty `text` is a blank line to fill in by hand. `by_client`: declared by the client."""

    key: str
    label: str
    text: str
    by_client: bool = False


class Signer(msgspec.Struct, frozen=True, kw_only=True):
    """One of three people who answer for a report; `electronic` says of his key's signature under the archive."""

    role: str
    name: str
    title: str
    electronic: str


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was verified."""

    check: str
    subject: str
    verdict: str
    verdict_text: str
    note: str


class RawFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the raw data."""

    name: str
    size: str
    sha256: str


class Paper(msgspec.Struct, frozen=True, kw_only=True):
    """A whole test report. `figures` is the page of the run, whose sections, pictures and findings it prints."""

    lang: str
    report_number: str
    archive_sha256: str
    notices: tuple[str, ...]
    cover: tuple[Field, ...]
    first: tuple[Field, ...]
    basis: tuple[Field, ...]
    instruments: tuple[Instrument, ...]
    conclusion: str
    conclusion_text: str
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]
    signers: tuple[Signer, ...]
    figures: Page
    sections: tuple[Section, ...]
    topology: Field
    method: tuple[str, ...]
    deviations: tuple[str, ...]
    workloads: tuple[Workload, ...]
    results: tuple[ResultRow, ...]
    conditions: tuple[ConditionRow, ...]
    checks: tuple[Checked, ...]
    pictures: tuple[Picture, ...]
    findings: tuple[Collected, ...]
    rounds: tuple[Round, ...]
    statements: tuple[str, ...]
    files: tuple[RawFile, ...]


def build_paper(
    made: Inspection, run: Run, records: Sequence[Record], trials: dict[str, list[Trial]], lang: str
) -> Paper:
    """The report of an inspection, with what its run says of itself."""
    page = build_page(run, records, lang, trials)
    declared = made.particulars
    pictures = [picture for part in page.measurements for picture in part.pictures]
    return Paper(
        lang=lang,
        report_number=printable(declared.report_number),
        archive_sha256=made.archive_sha256 or "",
        notices=_notices(made, page, lang),
        cover=_cover(made, run, lang),
        first=_first(made, lang),
        basis=_basis(made, records, lang),
        instruments=tuple(_instrument(one) for one in declared.instruments),
        conclusion=made.conclusion,
        conclusion_text=name(lang, "conclusion", made.conclusion),
        reasons=tuple(remark_text(lang, one) for one in made.reasons),
        remarks=tuple(line for line in printable_lines(declared.remarks)),
        signers=tuple(_signer(made, role, lang) for role in ATTESTING),
        figures=page,
        sections=(*page.setting, *(section for part in page.measurements for section in part.sections[2:3])),
        topology=_field(made, "topology", lang),
        method=_method(made, lang),
        deviations=_deviations(made, lang),
        workloads=workloads_of(records, trials, lang),
        results=result_rows(made, lang),
        conditions=condition_rows(made, lang),
        checks=_checks(made, lang),
        pictures=tuple(printed(one) for one in pictures),
        findings=page.findings,
        rounds=rounds_of(records, trials, lang),
        statements=_statements(made, lang),
        files=tuple(
            RawFile(name=printable(one.name), size=figures.count(one.size), sha256=one.sha256) for one in made.files
        ),
    )


def printable_lines(text: str) -> list[str]:
    """The lines of a text of several, each made printable, without empty ones."""
    return [line for part in text.splitlines() if (line := printable(part).strip())]


def _cover(made: Inspection, run: Run, lang: str) -> tuple[Field, ...]:
    facts = run.hardware.facts if run.hardware is not None else None
    profile, maker = (
        sentence(lang, "test_report.from_profile", text=printable(text)) if text and text != "unknown" else ""
        for text in ((facts.model, facts.vendor) if facts is not None else ("", ""))
    )
    return (
        _field(made, "report_number", lang),
        _field(made, "product_name", lang),
        _field(made, "model", lang, otherwise=profile),
        _field(made, "client", lang),
        _field(made, "manufacturer", lang, otherwise=maker),
        _computed("category", name(lang, "test_category", made.category), lang),
        _field(made, "laboratory", lang),
        _computed("issued_on", str(made.issued_on or ""), lang),
    )


def _first(made: Inspection, lang: str) -> tuple[Field, ...]:
    """The short fields of page 2, two in a row; their number is even."""
    keys = ("client_address", "address", "laboratory_address", "place", "sample_number", "quantity", "sample_state")
    return (
        *(_field(made, key, lang) for key in keys),
        _field(made, "received_on", lang),
        *(_field(made, key, lang) for key in ("temperature", "humidity", "supply_voltage")),
        _computed("run_id", made.run_id, lang),
    )


def _basis(made: Inspection, records: Sequence[Record], lang: str) -> tuple[Field, ...]:
    """The long ones: what was tested when, and by what."""
    tested = sentence(lang, "test_report.span", begun=_moment(made.tested_from), ended=_moment(made.tested_until))
    measured = "; ".join(dict.fromkeys(record.measurement.name for record in records))
    return (
        _computed("tested", tested, lang),
        _computed("measured", measured, lang),
        _computed("basis", sentence(lang, "test_report.basis_text", suite=made.suite_version), lang),
        _computed("judged_by", _rules(made, lang), lang),
        _computed("archive", made.archive_sha256 or sentence(lang, "test_report.no_archive"), lang),
    )


def _field(made: Inspection, key: str, lang: str, otherwise: str = "") -> Field:
    """What is declared under a name; `otherwise` says what is known besides."""
    text = printable(made.particulars.text(key))
    label = sentence(lang, f"particular.{key}")
    return Field(key=key, label=label, text=text or otherwise, by_client=bool(text) and key in BY_CLIENT)


def _computed(key: str, text: str, lang: str) -> Field:
    return Field(key=key, label=sentence(lang, f"test_report.field_{key}"), text=printable(text))


def _instrument(one: Instrument) -> Instrument:
    return Instrument(**{key: printable(text) for key, text in msgspec.structs.asdict(one).items()})


def _rules(made: Inspection, lang: str) -> str:
    if made.rules is None:
        return sentence(lang, "test_report.no_rules")
    rules = made.rules
    return sentence(lang, "test_report.rules", name=rules.name, round=rules.round, sha256=rules.sha256)


def _moment(moment: object) -> str:
    return str(moment).partition(".")[0].removesuffix("+00:00")


def _signer(made: Inspection, role: str, lang: str) -> Signer:
    """A person by the particulars, and whose trusted key signed in that role."""
    signed = [
        sentence(lang, "test_report.electronic", name=printable(who), moment=printable(item.seen))
        for item in made.verification
        if item.check == "signature" and item.verdict == "conforms"
        if (who := item.subject.partition(": ")[2]) and item.subject.startswith(f"{role}: ")
    ]
    declared = made.particulars
    return Signer(
        role=name(lang, "test_report_role", role),
        name=printable(declared.text(role)),
        title=printable(declared.text(f"{role}_title")),
        electronic="; ".join(signed),
    )


def _notices(made: Inspection, page: Page, lang: str) -> tuple[str, ...]:
    """What must be read before any figure."""
    own = ["not_accredited"]
    if made.category == "self-test":
        own.append("self_test")
    if made.verified is False:
        own.append("violated")
    return (*(sentence(lang, f"test_report.{key}") for key in own), *page.notices)


def _method(made: Inspection, lang: str) -> tuple[str, ...]:
    digits = made.rules.digits if made.rules is not None else DIGITS
    keys = ("comparison", "simple", "guarded", "overall", "uncertainty", "not_assessed")
    rules = [sentence(lang, f"decision.{key}") for key in keys]
    return (*rules, sentence(lang, "decision.rounding", digits=digits), sentence(lang, "decision.day", day=made.as_of))


def _deviations(made: Inspection, lang: str) -> tuple[str, ...]:
    seen = [
        sentence(lang, f"inadmissible.{one.code}", subject=printable(one.subject), seen=printable(one.seen))
        for one in made.deviations
    ]
    return (*seen, *printable_lines(made.particulars.deviations))


def _checks(made: Inspection, lang: str) -> tuple[Checked, ...]:
    return tuple(
        Checked(
            check=name(lang, "verification_check", item.check),
            subject=printable(item.subject),
            verdict=item.verdict,
            verdict_text=name(lang, "judgement", item.verdict),
            note=" ".join(
                part
                for part in (
                    sentence(lang, f"verification_reason.{item.reason}") if item.reason else "",
                    printable(item.seen),
                )
                if part
            ),
        )
        for item in made.verification
    )


def _statements(made: Inspection, lang: str) -> tuple[str, ...]:
    texts = [sentence(lang, f"test_report.statement_{number}") for number in range(1, _STATEMENTS + 1)]
    if made.category == "self-test":
        texts.append(sentence(lang, "test_report.statement_self"))
    return tuple(texts)
