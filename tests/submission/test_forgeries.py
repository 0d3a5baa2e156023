"""Submitters who cheat: whatever is changed, packed again so that it fits, and signed with a trusted key, is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from bench.judging.record import Setup, judge_record
from bench.records.record import Record, Run, Trial
from bench.records.versions import load
from bench.store.files import write_record
from bench.store.timeline_file import read_timeline, write_timeline
from bench.submission.retrial import retry
from bench.submission.timelines import read_foreign

from .handing_in import Edit, Laboratory, changed, forged, item, violations

ONE, SERVER = "user_model.single_stream.fp32", "user_model.server.fp32"
Columns = dict[str, NDArray[Any]]


def timeline(name: str, change: Callable[[Columns], Columns], trial: str = "trial-00") -> Edit:
    def edit(folder: Path) -> None:
        file = folder / name / trial / "timeline.parquet"
        write_timeline(file, change(read_timeline(file)))

    return edit


def document(file: str, change: Callable[[Any], None]) -> Edit:
    def edit(folder: Path) -> None:
        with changed(folder / file) as plain:
            change(plain)

    return edit


def both(*edits: Edit) -> Edit:
    def edit(folder: Path) -> None:
        for one in edits:
            one(folder)

    return edit


def scaled(columns: Columns) -> Columns:
    return {name: (c * 9 // 10 if name in ("started", "ended", "scheduled") else c) for name, c in columns.items()}


def without_slowest(columns: Columns) -> Columns:
    keep = columns["ended"] - columns["started"] < (columns["ended"] - columns["started"]).max()
    kept = {name: column[keep] for name, column in columns.items()}
    return {**kept, "batch": np.arange(keep.sum(), dtype=np.int32)}


def rows_as_they_are(folder: Path) -> None:
    rows = int(read_timeline(folder / SERVER / "trial-00/timeline.parquet")["batch"].max()) + 1
    document(SERVER_TRIAL, put("report", "rows", value=rows))(folder)


def with_column(name: str, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Callable[[Columns], Columns]:
    return lambda columns: {**columns, name: change(columns[name])}


def better(plain: Any) -> None:
    for figure in plain["metrics"].values():
        if figure["value"]:
            figure["value"] *= 0.9


def narrower(plain: Any) -> None:
    for figure in plain["metrics"].values():
        if figure["interval"]:
            figure["interval"]["low"] = figure["interval"]["high"] = figure["value"]


def put(*path: str | int, value: object) -> Callable[[Any], None]:
    def change(plain: Any) -> None:
        *way, last = path
        for step in way:
            plain = plain[step]
        plain[last] = value

    return change


def swap_trials(folder: Path) -> None:
    first, second, spare = (folder / ONE / name for name in ("trial-00", "trial-01", "spare"))
    first.rename(spare)
    second.rename(first)
    spare.rename(second)
    for index, place in enumerate((first, second)):
        with changed(place / "trial.json") as plain:
            plain["index"] = index


def clone(folder: Path) -> None:
    """The better repetition twice, with the second one's own seed."""
    first, second = folder / ONE / "trial-00", folder / ONE / "trial-01"
    seed = load(second / "trial.json", Trial).seed
    shutil.rmtree(second)
    shutil.copytree(first, second)
    with changed(second / "trial.json") as plain:
        plain["index"], plain["seed"] = 1, seed


def one_repetition(folder: Path) -> None:
    shutil.rmtree(folder / ONE / "trial-01")
    with changed(folder / ONE / "record.json") as plain:
        plain["trials"] = ["trial-00"]


OTHER_RUN = "20200101T000000Z-0000"
SOFT = {"code": "host-busy", "severity": "info", "seen": 0.06, "limit": 0.05, "subject": "other processes"}
TRIAL, RECORD, RUN = f"{ONE}/trial-00/trial.json", f"{ONE}/record.json", "run.json"
SERVER_TRIAL = f"{SERVER}/trial-00/trial.json"

FORGERIES: dict[str, tuple[Edit, tuple[str, str]]] = {
    "latencies scaled": (timeline(ONE, scaled), ("figures", "figures")),
    "slow queries removed": (timeline(ONE, without_slowest), ("timeline", "not-computable")),
    "slow queries removed, count too": (
        both(
            timeline(SERVER, without_slowest),
            rows_as_they_are,
        ),
        ("timeline", "not-computable"),
    ),
    "figure of a repetition": (document(TRIAL, better), ("figures", "figures")),
    "figure of the record": (document(RECORD, better), ("record", "figures")),
    "figures of both alike": (both(document(TRIAL, better), document(RECORD, better)), ("figures", "figures")),
    "interval narrowed": (document(RECORD, narrower), ("record", "figures")),
    "findings struck": (document(RECORD, put("findings", value=[])), ("record", "figures")),
    # On a quiet machine there may be none to strike; whatever stands there must be what follows from the timeline.
    "findings of a repetition": (document(TRIAL, put("findings", value=[SOFT])), ("findings", "figures")),
    "division claimed": (document(RECORD, put("division", value="closed")), ("record", "figures")),
    "attestation claimed": (document(RECORD, put("attestation", value="attested")), ("record", "figures")),
    "claims in the manifest": (
        document("manifest.json", put("claims", 0, "attestation", value="attested")),
        ("claims", "figures"),
    ),
    "obstacles struck": (document("manifest.json", put("not_admissible", value=[])), ("claims", "figures")),
    "seed of a repetition": (document(TRIAL, put("seed", value=1)), ("seed", "other-seed")),
    "seed of the plan": (document(RUN, put("plan", "seed", value=1)), ("seed", "other-seed")),
    "nonce claimed": (
        document(RUN, put("nonce", value={"value": "ab" * 32, "origin": "given"})),
        ("seed", "other-seed"),
    ),
    "best of three, renumbered": (swap_trials, ("seed", "other-seed")),
    "repetition cloned": (clone, ("distinct", "cloned")),
    "one repetition of two": (one_repetition, ("record", "repetitions-due")),
    "arrivals shifted": (
        timeline(SERVER, with_column("scheduled", lambda column: column + 10)),
        ("schedule", "other-schedule"),
    ),
    "samples in another order": (
        timeline(ONE, with_column("sample", lambda column: column[::-1].copy())),
        ("schedule", "other-schedule"),
    ),
    "a worker too many": (timeline(ONE, with_column("worker", lambda column: column + 1)), ("timeline", "worker")),
    "ends before it starts": (
        timeline(ONE, lambda columns: {**columns, "ended": columns["started"], "started": columns["ended"]}),
        ("timeline", "not-computable"),
    ),
    "failures passed off as answers": (
        timeline(SERVER, with_column("status", lambda column: np.ones_like(column))),
        ("figures", "figures"),
    ),
    "clock of the harness": (document(TRIAL, put("report", "elapsed_ns", value=1000)), ("clock", "elapsed")),
    "watched for less": (document(TRIAL, put("report", "noise", "seconds", value=1e-4)), ("clock", "shorter-watch")),
    "more processor time than there is": (
        document(TRIAL, put("report", "cpu_s", value=1e6)),
        ("clock", "processor-time"),
    ),
    "measured in the future": (
        document(TRIAL, put("started_at", value="2999-01-01T00:00:00+00:00")),
        ("times", "start-of-trial"),
    ),
    "measured before the run": (
        document(TRIAL, put("started_at", value="2001-01-01T00:00:00+00:00")),
        ("times", "start-of-trial"),
    ),
    "repetitions of two machines": (
        document(TRIAL, put("report", "device", "title", value="another card")),
        ("host", "mixed"),
    ),
    "a host that cannot be": (document(RUN, put("host", "cores_usable", value=10**6)), ("host", "implausible")),
    "record of another run": (document(RECORD, put("run_id", value=OTHER_RUN)), ("complete", "other-run")),
    "another mode": (document(RUN, put("plan", "mode", value="standard")), ("complete", "other-run")),
    "rate of the load": (document(SERVER_TRIAL, put("rate_per_s", value=1e4)), ("figures", "figures")),
    "a huge load": (document(SERVER_TRIAL, put("report", "rate_per_s", value=1e300)), ("timeline", "not-computable")),
    "timeline missing": (
        lambda folder: (folder / ONE / "trial-00/timeline.parquet").unlink(),
        ("complete", "no-file"),
    ),
    "timeline that is none": (
        lambda folder: (folder / ONE / "trial-00/timeline.parquet").write_bytes(b"PAR1" + bytes(64) + b"PAR1"),
        ("timeline", "not-computable"),
    ),
    "answers cut off": (
        lambda folder: (folder / ONE / "trial-00/outputs.safetensors").unlink(),
        ("complete", "no-file"),
    ),
    "a measurement that is a path": (
        document(RUN, put("measurements", 0, "workload", value="../../elsewhere/user_model")),
        ("schema", "unreadable"),
    ),
    "numbered with a gap": (
        lambda folder: document(f"{ONE}/trial-01/trial.json", put("index", value=2))(folder),
        ("complete", "numbering"),
    ),
    "no record": (lambda folder: (folder / ONE / "record.json").unlink(), ("complete", "no-record")),
    "text where a number is": (document(RECORD, put("metrics", value="good")), ("schema", "unreadable")),
    "NaN": (lambda folder: (folder / RECORD).write_text('{"schema": 1, "x": NaN}'), ("schema", "unreadable")),
    "deep JSON": (lambda folder: (folder / RECORD).write_text("[" * 10**5), ("schema", "unreadable")),
    "not UTF-8": (lambda folder: (folder / TRIAL).write_bytes(b'{"a": "\xff"}'), ("schema", "unreadable")),
}  # fmt: skip


@pytest.mark.parametrize("kind", FORGERIES)
def test_every_forgery_is_named(kind: str, archive: Path, laboratory_: Laboratory, tmp_path: Path) -> None:
    edit, expected = FORGERIES[kind]
    found = laboratory_.verify(forged(archive, tmp_path / archive.name, edit, laboratory_.keys["submitter"]))
    assert expected in violations(found), found.items
    assert not found.passed
    assert item_verdicts(found, "signature") == {"conforms"}, "the signature is good: it is the content that is not"
    assert all(claim.attestation == "self" for claim in found.claims)


def item_verdicts(found: Any, check: str) -> set[str]:
    return {entry.verdict for entry in found.items if entry.check == check}


def test_the_honest_one_conforms_and_is_not_called_measured(archive: Path, laboratory_: Laboratory) -> None:
    found = laboratory_.verify(archive)
    assert found.passed, [entry for entry in found.items if entry.verdict == "violates"]
    assert item(found, "measured").verdict == "unchecked"
    assert item(found, "journal").verdict == "conforms"
    assert {claim.division for claim in found.claims} == {"open"}


def test_a_consistent_invention_is_not_verified_and_never_conforms(
    archive: Path, laboratory_: Laboratory, tmp_path: Path
) -> None:
    """All times of a closed loop a tenth shorter, and everything computed anew from that: arithmetic cannot tell."""
    found = laboratory_.verify(forged(archive, tmp_path / archive.name, invented, laboratory_.keys["submitter"]))
    assert violations(found) == set()
    assert item(found, "measured").verdict == "unchecked"
    assert all(claim.attestation == "self" for claim in found.claims)


def invented(folder: Path) -> None:
    run, trials = load(folder / RUN, Run), []
    measurement = next(entry for entry in run.measurements if entry.name == ONE)
    for place in sorted((folder / ONE).glob("trial-*")):
        file, kept = place / "timeline.parquet", load(place / "trial.json", Trial)
        write_timeline(file, scaled(read_timeline(file)))
        table, report = read_foreign(file), kept.report
        assert report is not None
        elapsed = int(table["ended"].max() - table["started"].min())
        kept = msgspec.structs.replace(kept, report=msgspec.structs.replace(report, elapsed_ns=elapsed))
        trials.append(retry(run, measurement, kept, table, folder).trial)
        write_record(place / "trial.json", trials[-1])
    record = load(folder / RECORD, Record)
    setup = Setup(
        run_id=run.run_id,
        suite_version=run.suite_version,
        plan=run.plan,
        host=run.host,
        suite_model_hash=None,
        hardware=run.hardware,
    )
    write_record(folder / RECORD, judge_record(setup, measurement, trials, record.status == "complete"))


def test_a_changed_byte_in_each_kind_of_file(archive: Path, laboratory_: Laboratory, tmp_path: Path) -> None:
    """Without making the manifest fit: the file is named, whatever it holds."""
    kinds = ("run.json", "environment.json", RECORD, TRIAL, f"{ONE}/trial-00/timeline.parquet",
             f"{ONE}/trial-00/outputs.safetensors")  # fmt: skip
    for number, name in enumerate(kinds):

        def flip(folder: Path, name: str = name) -> None:
            content = bytearray((folder / name).read_bytes())
            content[len(content) // 2] ^= 1
            (folder / name).write_bytes(content)

        target = tmp_path / str(number) / archive.name
        target.parent.mkdir()
        found = laboratory_.verify(forged(archive, target, flip, laboratory_.keys["submitter"], relist=False))
        assert ("manifest", "other-bytes") in violations(found), name
        assert name in {entry.subject for entry in found.items if entry.reason == "other-bytes"}


def test_files_that_nobody_listed_and_that_are_gone(archive: Path, laboratory_: Laboratory, tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        (folder / "surprise.json").write_text("{}")
        (folder / "environment.json").unlink()

    found = laboratory_.verify(
        forged(archive, tmp_path / archive.name, edit, laboratory_.keys["submitter"], relist=False)
    )
    assert {("manifest", "not-listed"), ("manifest", "not-there")} <= violations(found)
