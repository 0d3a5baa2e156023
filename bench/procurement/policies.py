"""Policies: read with their hash, the shipped templates, and a template filled in for a round."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from bench.plugins import suggestion
from bench.procurement.addresses import parsed
from bench.records.policy import LEAST, MOST, Policy
from bench.records.record import Record, Run
from bench.records.untrusted import LIMIT_TOML_BYTES, read_bytes, read_toml
from bench.text import printable

_FOLDER: Final = Path(__file__).resolve().parent / "policies"


class NoPolicy(ValueError):
    """A sector that there is no template of, or a reference that a template cannot be filled in with."""


def read_policy(path: Path) -> tuple[Policy, str]:
    """A policy and the SHA-256 of its file; what it says is not checked. Raises BadFile."""
    policy = read_toml(path, Policy)
    return policy, hashlib.sha256(read_bytes(path, LIMIT_TOML_BYTES)).hexdigest()


def sectors() -> list[str]:
    """Sectors that a template ships for."""
    return sorted(file.stem for file in _FOLDER.glob("*.toml"))


def template(sector: str) -> str:
    """The template of a sector, whose `[reference]` has constants of one. Raises NoPolicy."""
    file = _FOLDER / f"{sector}.toml"
    if sector not in sectors():
        raise NoPolicy(f"There is no policy template {sector!r}.{suggestion(sector, sectors())}")
    return file.read_text(encoding="utf-8")


def shipped(sector: str) -> Policy:
    """The policy that a template is."""
    return read_toml(_FOLDER / f"{sector}.toml", Policy)


def with_reference(sector: str, run: Run, records: list[Record], sha256: str, system: str) -> str:
    """A template whose reference is a run that was measured. Raises NoPolicy where the run lacks a term."""
    values: dict[str, float] = {}
    for term in shipped(sector).terms:
        address = parsed(term.metric)
        found = [
            record
            for record in records
            if (record.measurement.workload, record.measurement.scenario) == (address.workload, address.scenario)
            and record.timed_region == term.timed_region
        ]
        figure = found[0].metrics.get(address.metric) if len(found) == 1 and found[0].valid else None
        passed = len(found) == 1 and found[0].quality is not None and found[0].quality.passed is True
        if figure is None or figure.value is None or not LEAST <= figure.value <= MOST or not passed:
            raise NoPolicy(
                f"{run.run_id}: it has no valid value of {term.metric} with passed quality, which `{sector}` scores."
            )
        values[term.metric] = figure.value
    head = template(sector).partition("# Constants of one")[0]
    lines = [
        "[reference]",
        f'system = "{_quoted(system)}"',
        f'run_id = "{run.run_id}"',
        f'sha256 = "{sha256}"',
        "[reference.values]",
    ]
    lines += [f'"{metric}" = {value!r}' for metric, value in values.items()]
    return head + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return printable(text).replace("\\", "\\\\").replace('"', '\\"')
