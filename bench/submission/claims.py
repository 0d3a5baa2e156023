"""What a measurement counts as: computed from hashes and signatures, whatever its record says."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.metadata import entry_points

from bench import __version__
from bench.models.suite import load_workload
from bench.plugins import PluginError
from bench.records.division import division_of
from bench.records.record import Record, Run
from bench.records.submission import ATTESTING, Claims, Role
from bench.records.untrusted import BadFile


def suite_model_hash(run: Run, record: Record) -> str | None:
    """The hash of the suite's network for a measurement; None where the suite has none for it."""
    if run.plan.model is not None or not is_of_suite(record.measurement.workload):
        return None
    try:
        return load_workload(record.measurement.workload).spec.hash_of(record.measurement.precision)
    except (PluginError, BadFile):
        return None


def is_of_suite(workload: str) -> bool:
    """Whether a workload is one of the harness's own, and not one that somebody else installed."""
    found = entry_points(group="bench.workloads", name=workload)
    return bool(found) and all(entry.value.startswith("bench.models.") for entry in found)


def claims_of(run: Run, records: Sequence[Record], signed_as: Collection[Role] = ()) -> tuple[Claims, ...]:
    """The claims of every measurement; `signed_as` are the roles in which trusted people signed."""
    return tuple(
        Claims(
            measurement=record.measurement.name,
            division="closed" if _is_closed(run, record) else "open",
            attestation="attested" if set(ATTESTING) <= set(signed_as) else "self",
            origin=record.origin,
        )
        for record in records
    )


def _is_closed(run: Run, record: Record) -> bool:
    of_suite = division_of(run.plan, record.model_hash, suite_model_hash(run, record)) == "closed"
    return of_suite and run.suite_version == __version__
