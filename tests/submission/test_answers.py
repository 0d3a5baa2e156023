"""Answers that are not what they are said to be: the suite's workload, whose quality and timed answers are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import bench
from bench.models.suite import load_workload
from bench.records.plan import RunPlan
from bench.store.runs import RunFolder
from bench.submission.packing import pack
from bench.submission.redaction import Redaction

from .handing_in import Edit, Laboratory, changed, forged, item, signed, violations

NAME = "speech_command.single_stream.fp32"
EVALUATED, TIMED = f"{NAME}/quality/outputs.safetensors", f"{NAME}/trial-00/outputs.safetensors"
pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def suite(laboratory_: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("suite")
    plan = RunPlan(workloads=("speech_command",), scenarios=("single_stream",), backend="onnxruntime")
    run = bench.run(plan, output=place / "results")
    target = place / f"{run.run_id}.tar"
    pack(RunFolder.of(place / "results", run.run_id), target, Redaction(()))
    return signed(target, laboratory_.keys["submitter"])


def arrays(file: str, **change: object) -> Edit:
    def edit(folder: Path) -> None:
        kept = load_file(folder / file)
        from safetensors import safe_open

        with safe_open(folder / file, framework="numpy") as opened:
            metadata = opened.metadata()
        for name, column in kept.items():
            if not name.startswith("__"):
                kept[name] = change["to"](name, column) if callable(change["to"]) else column
        save_file(kept, folder / file, metadata)

    return edit


def passed_off(folder: Path) -> None:
    for file in (f"{NAME}/trial-00/trial.json", f"{NAME}/record.json"):
        with changed(folder / file) as plain:
            plain["quality"]["value"] = 0.999


def other_model(folder: Path) -> None:
    with changed(folder / NAME / "record.json") as plain:
        plain["model_hash"] = "sha256:" + "0" * 64


FORGERIES: dict[str, tuple[Edit, tuple[str, str]]] = {
    "answers of another network": (
        arrays(EVALUATED, to=lambda name, column: column[::-1].copy()),
        ("quality", "figures"),
    ),
    "quality passed off": (passed_off, ("quality", "figures")),
    "one answer for all that was timed": (
        arrays(TIMED, to=lambda name, column: np.repeat(column[:1], len(column), axis=0) + 1),
        ("timed-answers", "mismatch"),
    ),
    "NaN in what was timed": (
        arrays(TIMED, to=lambda name, column: np.full_like(column, np.nan)),
        ("timed-answers", "mismatch"),
    ),
    "another network": (other_model, ("model", "other-model")),
    "no answers to judge": (lambda folder: (folder / EVALUATED).unlink(), ("quality", "no-answers")),
    "answers that are none": (
        lambda folder: (folder / EVALUATED).write_bytes(b"\xff" * 64),
        ("findings", "not-computable"),
    ),
}


@pytest.mark.parametrize("kind", FORGERIES)
def test_every_forgery_is_named(kind: str, suite: Path, laboratory_: Laboratory, tmp_path: Path) -> None:
    edit, expected = FORGERIES[kind]
    found = laboratory_.verify(forged(suite, tmp_path / suite.name, edit, laboratory_.keys["submitter"]))
    assert expected in violations(found), found.items
    assert not found.passed


def test_the_honest_one(suite: Path, laboratory_: Laboratory) -> None:
    found = laboratory_.verify(suite)
    assert violations(found) == set()
    assert item(found, "quality").verdict == "conforms"
    assert {entry.verdict for entry in found.items if entry.check == "timed-answers"} == {"conforms"}
    assert {claim.division for claim in found.claims} == {"closed"}


def test_the_reference_passed_off_as_an_engine(suite: Path, laboratory_: Laboratory, tmp_path: Path) -> None:
    """Bit for bit the stored answers: the figures change with them, and where they are made to fit it shows, too."""
    from bench.submission.answers import _copied

    folder = tmp_path / "parts"
    folder.mkdir()
    from bench.submission.archive import unpack

    unpack(suite, folder)
    kept = load_file(folder / EVALUATED)
    reference = load_workload("speech_command").reference()
    assert reference is not None
    indices = kept["__indices"]
    assert not _copied(kept, reference, indices)
    copied = {name: reference.outputs[name][indices].astype(np.float32) for name in reference.outputs}
    assert _copied({**kept, **copied}, reference, indices)
