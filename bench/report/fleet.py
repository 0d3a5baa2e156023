"""What is said of a fleet: its nodes, its runs, what was lost, and what several nodes did together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from bench.records.fleet import Fleet, FleetNode, FleetPoint, FleetRun, Joined, LostTrial, Problem
from bench.records.numbers import Measured
from bench.records.record import Record
from bench.report.rows import row
from bench.report.styles import table
from bench.text import figures, name, printable, sentence

_STYLE = {"lost": "bold red", "failed": "bold red", "partial": "bold yellow", "stopped": "bold yellow"}


def fleet_table(lang: str, *columns: str) -> Table:
    """An empty table with these columns of the catalogue's table `fleet`."""
    shown = table(lang)
    for column in columns:
        shown.add_column(Text(sentence(lang, f"fleet.{column}")), overflow="fold")
    return shown


NODE_COLUMNS: Final = ("node", "address", "state", "machine", "devices", "profiles")


def nodes_table(nodes: Sequence[FleetNode], lang: str) -> Table:
    """A line for each node: what it is, what it sees, and whether it is free."""
    shown = fleet_table(lang, *NODE_COLUMNS)
    for cells in node_rows(nodes, lang):
        shown.add_row(*(Text(printable(cell)) for cell in cells))
    return shown


def node_rows(nodes: Sequence[FleetNode], lang: str) -> list[tuple[str, ...]]:
    """The cells of `NODE_COLUMNS` for each node."""
    return [(node.name, node.address, _state(node, lang), *_told(node, lang)) for node in nodes]


def runs_table(runs: Sequence[FleetRun], records: Mapping[str, Sequence[Record]], lang: str) -> Table:
    """A line for each measurement of each run; `records` are those that came back, by run."""
    shown = fleet_table(lang, "node", "measurement", "result", "state", "run")
    for run in runs:
        where = f"{run.node} {run.device}"
        state = Text(sentence(lang, f"fleet.state_{run.outcome}"), _STYLE.get(run.outcome, ""))
        if run.why and run.outcome != "complete":
            state.append(f": {printable(run.why)}")
        rows = [row(record, lang) for record in records.get(run.run_id, ())]
        for one in rows:
            value = f"{one.primary.name} {one.primary.value} {one.primary.interval}".strip()
            mark = "" if one.state in ("valid", "quick") else f" ({one.state_text})"
            shown.add_row(Text(printable(where)), Text(one.name), Text(value + mark), state, Text(run.run_id))
        if not rows:
            shown.add_row(Text(printable(where)), Text("–"), Text("–"), state, Text(run.run_id))
    return shown


def problem_line(problem: Problem, lang: str) -> str:
    """One reason not to start."""
    values = {"node": problem.node, "seen": problem.seen, "expected": problem.expected}
    return printable(sentence(lang, f"fleet_problem.{problem.code}", **values))


def fleet_lines(fleet: Fleet, lang: str) -> Iterator[str]:
    """What was lost, what was repeated, and what nodes did together."""
    for lost in fleet.lost:
        yield printable(_lost(lost, lang))
    for run in fleet.runs:
        if run.repeats is not None:
            yield sentence(lang, "fleet.repeated", run=run.run_id, repeats=run.repeats)
    for stage, measurement in dict.fromkeys((one.stage, one.measurement) for one in fleet.joined):
        own = [one for one in fleet.joined if (one.stage, one.measurement) == (stage, measurement)]
        point = next((one for one in fleet.points if (one.stage, one.measurement) == (stage, measurement)), None)
        yield from _together(own, point, lang)


def _together(own: Sequence[Joined], point: FleetPoint | None, lang: str) -> Iterator[str]:
    first = own[0]
    if "rate_held_per_s" in first.metrics:
        for one in own:
            held, p99 = (_value(one.metrics[metric]) for metric in ("rate_held_per_s", "latency_p99_ns"))
            yield sentence(
                lang,
                "fleet.held",
                count=len(one.shares),
                measurement=one.measurement,
                rate=figures.rate(held) if held is not None else "–",
                p99=figures.latency(p99) if p99 is not None else "–",
            )
    elif point is not None:
        yield _point(first, point, lang)
    if len(first.shares) > 1:
        yield from (f"  {_window(one, lang)}" for one in own)


def _point(first: Joined, point: FleetPoint, lang: str) -> str:
    rate = figures.rate(point.samples_per_s, point.interval)
    if point.count == 1:
        return sentence(lang, "fleet.joined_one", node=first.shares[0].node, measurement=point.measurement, rate=rate)
    share = ""
    if point.efficiency is not None:
        told = figures.share(point.efficiency, point.efficiency_interval)
        share = sentence(lang, "fleet.efficiency", count=point.count, share=told)
    return sentence(lang, "fleet.joined", count=point.count, measurement=point.measurement, rate=rate, share=share)


def _window(one: Joined, lang: str) -> str:
    if one.refusal is not None:
        overlap = figures.share(one.refusal.seen)
        return sentence(lang, "fleet.window_refused", repetition=one.repetition + 1, overlap=overlap)
    return sentence(
        lang,
        "fleet.window",
        repetition=one.repetition + 1,
        window=figures.latency(one.window_ns),
        span=figures.latency(one.span_ns),
        spread=figures.latency(one.start_spread_ns),
        error=figures.latency(max(share.clock_error_ns for share in one.shares)),
        share=figures.share(one.clock_error_share),
    )


def _value(measured: Measured) -> float | None:
    return measured.value


def _lost(lost: LostTrial, lang: str) -> str:
    if lost.measurement is None or lost.repetition is None:
        return sentence(lang, "fleet.lost_early", node=lost.node, run=lost.run_id, why=lost.why)
    return sentence(
        lang,
        "fleet.lost",
        node=lost.node,
        repetition=lost.repetition + 1,
        measurement=lost.measurement,
        run=lost.run_id,
        why=lost.why,
    )


def _state(node: FleetNode, lang: str) -> str:
    if node.facts is None:
        return sentence(lang, "fleet.unanswered", why=node.why)
    return sentence(lang, "fleet.busy" if node.busy else "fleet.free")


def _told(node: FleetNode, lang: str) -> tuple[str, str, str]:
    """Machine, devices, profiles."""
    if node.facts is None:
        return "–", "–", "–"
    host = node.facts.host
    size = sentence(lang, "fleet.cores", cores=host.cores_usable, memory=figures.size(host.memory_bytes))
    versions = sentence(lang, "fleet.versions", suite=node.facts.suite_version, python=host.python)
    machine = [host.cpu_model, size, versions]
    machine += [f"{card.count} × {card.model}" for card in node.facts.profile.accelerators]
    devices = [
        f"{backend}: {', '.join(one.address for one in listed)}" for backend, listed in node.facts.devices.items()
    ]
    none = sentence(lang, "fleet.none")
    return "; ".join(machine), "; ".join(devices) or none, ", ".join(node.facts.profiles) or none


def doing(lang: str, position: int, total: int, measurement: str, repetition: int, phase: str) -> str:
    """What a node does now; positions and repetitions from 0."""
    return printable(
        sentence(
            lang,
            "fleet.doing_at",
            position=position + 1,
            total=total,
            measurement=measurement,
            repetition=repetition + 1,
            phase=name(lang, "phase", phase),
        )
    )
