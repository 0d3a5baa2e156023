"""The pages of the site in one language: which there are, from which template, with what on them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any  # Any: what templates are given

import msgspec

from bench.pages.run import definitions, measurement_sections
from bench.pages.site.downloads import COMPARISON, ENVIRONMENT, RECORDS, RESULTS
from bench.pages.site.drawings import pictures_of
from bench.pages.site.entries import Entry, Shown, Workload, entries_of, shortened, shown_systems, workloads_of
from bench.pages.site.environment import environment
from bench.pages.site.gathering import System
from bench.pages.site.verdicts import OUTCOMES, Pairs, against, embedded
from bench.plots.palette import Palette
from bench.records.metrics import METRICS
from bench.records.numbers import IntervalKind
from bench.report.collected import collected
from bench.report.details import Line, Section, host_section, run_section, system_section, version_section
from bench.report.hardware import hardware_section
from bench.report.robustness import stress_table
from bench.report.rows import interval_text, repetitions
from bench.text import name, sentence

_BESIDE_EACH_OTHER = 5
INDEX, COMPARED, TABLES, ENVIRONMENTS = "index.html", "comparison.html", "tables.html", "environment.html"
FINDINGS, DEFINITIONS = "findings.html", "definitions.html"
NAVIGATION = {
    INDEX: "index",
    COMPARED: "comparison",
    TABLES: "tables",
    ENVIRONMENTS: "environment",
    FINDINGS: "findings",
    DEFINITIONS: "definitions",
}


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """One page before it is HTML: its file, its template, its title and what else the template takes."""

    file: str
    template: str
    title: str
    content: Mapping[str, Any]


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the pages of one language are made of; `entries` by system, then by measurement."""

    lang: str
    systems: tuple[System, ...]
    shown: tuple[Shown, ...]
    entries: tuple[Mapping[str, Entry], ...]
    workloads: tuple[Workload, ...]
    pairs: Pairs

    @property
    def all_entries(self) -> list[Entry]:
        return [entry for own in self.entries for entry in own.values()]


def site(systems: Sequence[System], pairs: Pairs, lang: str) -> Site:
    """In one language."""
    shown = shown_systems(systems)
    by_system = [entries_of(system, one, lang) for system, one in zip(systems, shown, strict=True)]
    entries = tuple(dict(zip(system.kept, own, strict=True)) for system, own in zip(systems, by_system, strict=True))
    workloads = workloads_of([entry for own in by_system for entry in own], lang)
    return Site(
        lang=lang,
        systems=tuple(systems),
        shown=tuple(shown),
        entries=entries,
        workloads=tuple(workloads),
        pairs=pairs,
    )


def sheets(one: Site) -> Iterator[Sheet]:
    """All pages, one after the other, so that only one is in memory."""
    yield _index(one)
    for workload in one.workloads:
        yield _workload(one, workload)
    for place in range(len(one.systems)):
        yield _system(one, place)
    yield _comparison(one)
    yield _sheet(one, TABLES, {"entries": one.all_entries, "repetitions": repetitions, "name": name})
    yield _environment(one)
    named = [(f"{entry.name} ({_number(one, entry)})", entry.row.findings) for entry in one.all_entries]
    yield _sheet(one, FINDINGS, {"findings": collected(named, one.lang)})
    yield _definitions(one)


def _sheet(one: Site, file: str, content: Mapping[str, Any]) -> Sheet:
    title = sentence(one.lang, f"site.{NAVIGATION[file]}")
    return Sheet(file=file, template=file, title=title, content=content)


def _number(one: Site, entry: Entry) -> str:
    return sentence(one.lang, "site.places", places=entry.system.place)


def _index(one: Site) -> Sheet:
    states = [entry.row.state for entry in one.all_entries]
    counts = {state: states.count(state) for state in ("invalid", "partial", "quick")}
    text = sentence(one.lang, "site.counts", systems=len(one.systems), measurements=len(states), **counts)
    machines = [_machine(system, one.lang) for system in one.systems]
    files = {RESULTS: "results_csv", RECORDS: "records", COMPARISON: "comparison", ENVIRONMENT: "environment"}
    content = {"counts": text, "machines": machines, "downloads": files, "cells": _cells(one)}
    return _sheet(one, INDEX, content)


def _machine(system: System, lang: str) -> list[Line]:
    """Device and engine, and of the host its processor, cores and memory."""
    host = [line for run in system.runs[:1] for line in host_section(run, lang).lines[:3]]
    return [(label, shortened(value)) for label, value in (*system_section(system.records, lang).lines, *host)]


def _cells(one: Site) -> dict[tuple[str, str, int], list[Entry]]:
    """The entries of a cell of the tables at a glance: workload, scenario, system."""
    found: dict[tuple[str, str, int], list[Entry]] = {}
    for workload in one.workloads:
        for section in workload.sections:
            for entry in section.entries:
                found.setdefault((workload.page, section.code, entry.system.place), []).append(entry)
    return found


def _workload(one: Site, workload: Workload) -> Sheet:
    palette = Palette.of(system.name for system in one.systems)
    entries = [entry for section in workload.sections for entry in section.entries]
    content = {
        "workload": workload,
        "pictures": {section.code: pictures_of(section, palette, one.lang) for section in workload.sections},
        "definitions": definitions([entry.record for entry in entries], one.lang),
        "findings": collected([(_short(one, entry), entry.row.findings) for entry in entries], one.lang),
        "percentiles": ("latency_p50_ns", "latency_p90_ns", "latency_p99_ns", "latency_p999_ns"),
    }
    return Sheet(file=workload.page, template="workload.html", title=workload.name, content=content)


def _short(one: Site, entry: Entry) -> str:
    return f"{_number(one, entry)}, {entry.row.scenario}, {entry.record.measurement.precision}"


def _system(one: Site, place: int) -> Sheet:
    system, shown, entries = one.systems[place], one.shown[place], list(one.entries[place].values())
    parts = [
        (
            entry,
            measurement_sections(entry.record, entry.row, one.lang),
            stress_table(entry.record.robustness, one.lang),
        )
        for entry in entries
    ]
    content = {
        "system": shown,
        "facts": _facts(system, one.lang),
        "parts": parts,
        "findings": collected([(entry.name, entry.row.findings) for entry in entries], one.lang),
        "definitions": definitions(system.records, one.lang),
    }
    return Sheet(file=shown.page, template="system.html", title=shown.name, content=content)


def _facts(system: System, lang: str) -> list[Section]:
    found = [system_section(system.records, lang)]
    for number, run in enumerate(system.runs):
        if number == 0:
            found += [host_section(run, lang), hardware_section(run.hardware, lang), version_section(run, lang)]
        found.append(run_section(run, lang))
    return [section for section in found if section.lines]


def _comparison(one: Site) -> Sheet:
    several = len(one.systems) > 1
    content = {
        "rows": against(one.pairs, one.entries, 0, one.lang) if several else [],
        "data": embedded(one.pairs, one.entries, one.lang) if several else None,
        "scenarios": {section.code: section.title for workload in one.workloads for section in workload.sections},
        "outcomes": [(code, sentence(one.lang, f"site_outcome.{code}")) for code in OUTCOMES],
    }
    return _sheet(one, COMPARED, content)


def _environment(one: Site) -> Sheet:
    fields = environment(one.systems, one.lang)
    others = list(range(1, len(one.systems)))
    # The first stands in every table, so that each can be read, and printed, alone.
    step = _BESIDE_EACH_OTHER - 1
    groups = [(0, *others[start : start + step]) for start in range(0, len(others), step)] or [(0,)]
    content = {
        "different": [field for field in fields if field.differs],
        "same": [field for field in fields if not field.differs],
        "groups": groups,
    }
    return _sheet(one, ENVIRONMENTS, content)


def _definitions(one: Site) -> Sheet:
    records = [entry.record for entry in one.all_entries]
    rows = [entry.row for entry in one.all_entries]
    figures = {figure.metric: figure for row in rows for figure in row.figures}
    kinds: dict[IntervalKind, str] = {}
    for record in records:
        for figure in record.metrics.values():
            if figure.interval is not None:
                kinds.setdefault(figure.interval.kind, interval_text(figure.interval, repetitions(record), one.lang))
    content = {
        "definitions": definitions(records, one.lang),
        "metrics": [figures[metric] for metric in METRICS if metric in figures],
        "states": list(dict.fromkeys((row.state_text, row.state_note) for row in rows)),
        "verdicts": [
            (sentence(one.lang, f"site_outcome.{code}"), sentence(one.lang, f"site_verdict.{code}"))
            for code in OUTCOMES
        ],
        "kinds": list(kinds.values()),
    }
    return _sheet(one, DEFINITIONS, content)
