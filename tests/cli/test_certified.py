"""`--nonce` and `--mode certified`: all that is random follows from the nonce, which the run keeps."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.records.effort import EFFORTS
from bench.store.timeline_file import read_timeline

from .conftest import HASTE
from .things import NAME, Command, codes, complaint, document, only_run

FLAGS = ("--backend", "fake", "--setting", "answers=zeros", "--format", "json")
ONE, OTHER = "0f" * 16, "f0" * 32


def seed_of(nonce: str, *path: object) -> int:
    """The rule of `bench.records.hashing.derive_seed`, written down once more."""
    digest = hashlib.sha256(":".join([nonce, *map(str, path)]).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def measured(bench: Command, model: Path, folder: Path, scenario: str, *flags: object) -> Path:
    """The folder of the only measurement of a run."""
    outcome = bench("run", *FLAGS, "--model", model, "--scenario", scenario, *flags, "-o", folder)
    assert outcome.code in (0, 11), outcome  # 11: a busy machine
    return only_run(folder) / NAME.format(scenario)


def test_inputs_order_and_arrivals_follow_from_the_nonce(bench: Command, model: Path, tmp_path: Path) -> None:
    flags = ("--rate", "2000", "--latency-bound-ms", "200")
    nonces = {"a": ONE, "b": ONE.upper(), "c": OTHER}
    places = {
        name: measured(bench, model, tmp_path / name, "server", *flags, "--nonce", nonce)
        for name, nonce in nonces.items()
    }
    trials = {name: document(place / "trial-00" / "trial.json") for name, place in places.items()}
    tables = {name: read_timeline(place / "trial-00" / "timeline.parquet") for name, place in places.items()}
    loads = {name: trial["report"]["load_sha256"] for name, trial in trials.items()}  # type: ignore[index]
    assert loads["a"] == loads["b"] != loads["c"]
    for column in ("sample", "scheduled"):
        assert (tables["a"][column] == tables["b"][column]).all()
        assert (tables["a"][column] != tables["c"][column]).any()
    # An evaluator who has the nonce of the record draws the same.
    kept = document(places["c"] / "record.json")["nonce"]
    assert kept == {"value": OTHER, "origin": "given"} == document(places["c"].parent / "run.json")["nonce"]
    seed = seed_of(OTHER, NAME.format("server"), 0)
    assert trials["c"]["seed"] == seed
    order = np.random.default_rng(seed_of(str(seed), "order")).permutation(64)
    assert tables["c"]["sample"][:64].tolist() == order.tolist()


def test_every_repetition_has_a_load_of_its_own(
    bench: Command, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(EFFORTS, "quick", msgspec.structs.replace(HASTE, repetitions=(2,)))
    place = measured(bench, model, tmp_path / "two", "single_stream", "--nonce", ONE)
    reports = [document(place / name / "trial.json")["report"] for name in ("trial-00", "trial-01")]
    assert reports[0]["load_sha256"] != reports[1]["load_sha256"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--nonce", "xyzzy"), "`nonce` is 'xyzzy'; it must be 32 to 128"),
        (("--nonce", "ab" * 200), "it must be 32 to 128"),
        (("--nonce", ONE, "--seed", "4"), "takes the place of `seed`"),
        (("--mode", "certified", "--seed", "4"), "takes no `seed`"),
        (("--mode", "certified", "--processes", "1"), "`processes` is 2 there, not 1"),
        (("--mode", "certified", "--driver", "loadgen"), "measures with the driver `bench`"),
        (("--mode", "certified", "--backend", "fake", "--device", "cpu", "--device", "card"), "drives one device"),
    ],
)
def test_what_does_not_go_is_one_line(bench: Command, tmp_path: Path, flags: tuple[str, ...], words: str) -> None:
    outcome = bench("run", *flags)
    assert outcome.code == 2
    assert words in complaint(outcome)
    assert list(tmp_path.iterdir()) == []


def test_what_has_no_reference_answers_is_not_certified(bench: Command, model: Path, tmp_path: Path) -> None:
    outcome = bench("run", "--mode", "certified", "--model", model)
    assert outcome.code == 2
    assert "nothing of it could be certified" in complaint(outcome)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.full
def test_a_certified_run_from_end_to_end(bench: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hurried = {"repetitions": (2,), "duration_s": 0.5, "window_s": 0.05, "window_batches": 1, "first_window_s": 0.1}
    monkeypatch.setitem(EFFORTS, "certified", msgspec.structs.replace(EFFORTS["certified"], **hurried))
    outcome = bench("run", "--mode", "certified", "--workload", "speech_command", "--scenario", "single_stream")
    assert outcome.code in (0, 11), outcome  # 11: a busy machine
    place = only_run(tmp_path / "results") / "speech_command.single_stream.fp32"
    record = document(place / "record.json")
    assert record["measurement"]["session_process"] == "own"  # type: ignore[index]
    assert record["quality"]["samples"] == 2560  # type: ignore[index]
    assert record["hand_over"]["p50_ns"] > 0  # type: ignore[index]
    assert record["nonce"]["origin"] == "drawn"  # type: ignore[index]
    assert record["challenge"]["mismatched"] == 0  # type: ignore[index]
    assert 0 < record["challenge"]["largest_error"] < 1e-5 < record["challenge"]["least_distance"]  # type: ignore[index]
    found = codes(place / "record.json")
    assert "nonce-self-drawn" in found
    assert not found & {"challenge-failed", "challenge-slower", "challenge-not-made", "output-mismatch"}
    shown = bench("show", "latest").out
    assert "drawn on this machine" in shown
