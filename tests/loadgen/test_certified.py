"""What mode `certified` asks besides: vendors that did not compute what they answer, each found in its own way."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from onnx import TensorProto, helper

from bench.judging.certified import challenge_findings
from bench.judging.trial import INPUT_CACHE_GAIN
from bench.loadgen import challenge as asking
from bench.loadgen import input_cache
from bench.loadgen.answering import answer_loaded
from bench.loadgen.opening import opened
from bench.loadgen.reporter import Reporter
from bench.loadgen.supervisor import run_repetition
from bench.records.job import Challenge, Job

from .. import cheats
from ..fixtures import job, measurement, save_model, tiny_onnx
from ..vendors import install

ROW_S = 1e-3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_onnx(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(autouse=True)
def hurried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(input_cache, "_RUN_S", 0.016)
    monkeypatch.setattr(asking, "_RUN_S", 0.01)
    yield
    assert not list(tmp_path.rglob("challenge"))


def cheated(folder: Path, model: Path, source: str, monkeypatch: pytest.MonkeyPatch) -> Job:
    """A job for a vendor in a process of its own."""
    install(folder / "site", source, monkeypatch)
    asked = measurement(session_process="own")
    return msgspec.structs.replace(job(folder / "trial", model, measurement=asked), backend="acme", settings={})


def put(one: Job) -> tuple[float, Challenge]:
    """The gain on inputs that were seen before, and the challenge."""
    reporter = Reporter(io.BytesIO())
    with opened(one, reporter) as ready:
        answer_loaded(ready.lane.sessions[0], ready.model, ready.lane.samples, lambda: None)
        gain = input_cache.fresh_input_gain(ready.lane, ROW_S, ready.workload, one.seed)
        return gain, asking.challenge(one, ready, ROW_S, reporter)


@pytest.mark.parametrize(("cheat", "wrong"), [("HONEST", 0), ("BY_HEART", 0), ("CONSTANT", 7), ("NAN", 8)])
def test_answers_to_the_loaded_set_are_held_against_the_reference(
    tmp_path: Path, model: Path, cheat: str, wrong: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    reporter = Reporter(io.BytesIO())
    with opened(cheated(tmp_path, model, getattr(cheats, cheat), monkeypatch), reporter) as ready:
        first = answer_loaded(ready.lane.sessions[0], ready.model, ready.lane.samples, lambda: None)
        checked = asking.check_loaded(ready, first, reporter)
    assert checked is not None
    assert (checked.samples, checked.mismatched) == (8, wrong)


def test_a_network_is_held_to_its_own_error_class(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In fp16 honest answers of deep networks are further off than the usual class has it."""
    reporter, replace = Reporter(io.BytesIO()), msgspec.structs.replace
    with opened(cheated(tmp_path, model, cheats.HONEST, monkeypatch), reporter) as ready:
        first = answer_loaded(ready.lane.sessions[0], ready.model, ready.lane.samples, lambda: None)
        off = {name: array * np.float32(1.003) for name, array in first.items()}
        (only,) = ready.placed.on
        only = replace(only, facts=replace(only.facts, precision_executed="fp16"))
        ready = replace(ready, placed=replace(ready.placed, on=(only,)))
        spec = ready.workload.spec
        for limits, wrong in (({}, 8), ({"fp16": 0.005}, 0)):
            wider = replace(spec, quality=replace(spec.quality, error_limits=limits))
            monkeypatch.setattr(ready.workload, "spec", wider)
            checked = asking.check_loaded(ready, off, reporter)
            assert checked is not None
            assert checked.mismatched == wrong


def codes(asked: Challenge) -> list[str]:
    return [entry.code for entry in challenge_findings(asked, "certified")]


def test_an_honest_engine_passes(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gain, asked = put(cheated(tmp_path, model, cheats.HONEST, monkeypatch))
    assert gain <= INPUT_CACHE_GAIN
    assert codes(asked) == []
    assert (asked.samples, asked.mismatched, asked.refused) == (8, 0, None)
    assert asked.largest_error is not None
    assert asked.tolerance is not None
    assert asked.least_distance is not None
    assert asked.largest_error <= asked.tolerance <= 1e-5 < asked.least_distance


@pytest.mark.parametrize("cheat", ["BY_CONTENT", "BY_ADDRESS"])
def test_a_cache_of_the_loaded_set_shows_on_new_inputs(
    tmp_path: Path, model: Path, cheat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gain, _ = put(cheated(tmp_path, model, getattr(cheats, cheat), monkeypatch))
    assert gain > INPUT_CACHE_GAIN


@pytest.mark.parametrize(("cheat", "told"), [("HONEST", False), ("BY_LAST", True)])
def test_a_cache_of_the_last_input_shows_on_a_repeated_one(
    tmp_path: Path, model: Path, cheat: str, told: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(cheated(tmp_path, model, getattr(cheats, cheat), monkeypatch), Reporter(io.BytesIO())) as ready:
        answer_loaded(ready.lane.sessions[0], ready.model, ready.lane.samples, lambda: None)
        gain = input_cache.repeated_input_gain(ready.lane, ROW_S)
    assert (gain > INPUT_CACHE_GAIN) is told


@pytest.mark.parametrize("cheat", ["BY_HEART", "CONSTANT", "NAN"])
def test_answers_that_are_not_the_networks_fail_the_challenge(
    tmp_path: Path, model: Path, cheat: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asked = put(cheated(tmp_path, model, getattr(cheats, cheat), monkeypatch))
    assert "challenge-failed" in codes(asked)
    assert asked.mismatched >= asked.samples - 1  # the sample whose answer is given to all is answered rightly


def test_a_short_cut_for_the_known_network_makes_the_challenge_slower(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asked = put(cheated(tmp_path, model, cheats.STUDENT, monkeypatch))
    assert asked.mismatched == 0
    assert codes(asked) == ["challenge-slower"]


def test_an_engine_that_refuses_an_unknown_network_fails(
    tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, asked = put(cheated(tmp_path, model, cheats.REFUSES, monkeypatch))
    assert asked.refused == "acme: this network is not among ours."
    assert codes(asked) == ["challenge-failed"]


def test_a_repetition_replays_and_is_found_twice(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = msgspec.structs.replace(cheated(tmp_path, model, cheats.STALE, monkeypatch), certify=True)
    report = run_repetition(one, lambda phase: None, 60.0)
    # The sample that the replayed answer belongs to is answered rightly.
    assert report.verification.mismatched > report.verification.samples / 2
    assert report.challenge is not None
    assert report.reference_check is not None
    assert report.reference_check.mismatched == 0  # it replays later
    assert report.fresh_input_gain is not None


def test_a_nonce_changes_challenge_and_inputs(tmp_path: Path, model: Path) -> None:
    plain = {"answers": "reference"}
    seeds = {"a": 1, "b": 1, "c": 2}
    first, same, other = (put(job(tmp_path / name, model, plain, seed=seed))[1] for name, seed in seeds.items())
    assert first.model_hash == same.model_hash != other.model_hash
    assert first.least_distance == same.least_distance != other.least_distance
    assert first.mismatched == same.mismatched == other.mismatched == 0


@pytest.mark.parametrize(
    ("precision", "refused"),
    [
        ("fp32", None),
        ("int8", None),
        ("bf16", "its answers to different samples lie only 0.03 apart, too close for bf16"),
    ],
)
def test_what_cannot_tell_samples_apart_is_no_challenge(
    tmp_path: Path, model: Path, precision: str, refused: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "least_distance", lambda expected: 0.03)
    _, asked = put(job(tmp_path / "trial", model, {"answers": "reference", "precision": precision}))
    assert asked.refused == refused
    assert codes(asked) == (["challenge-not-made"] if refused else [])
    assert asked.tolerance == {"fp32": 1e-5, "int8": 0.015}.get(precision)


def test_the_least_distance_is_that_of_the_closest_pair() -> None:
    answers = {"y": np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 2.2]]), "z": np.zeros((3, 1))}
    assert asking.least_distance(answers) == pytest.approx(0.2 / 2.2)
    assert asking.least_distance({"y": np.ones((1, 2))}) == math.inf


def test_a_network_without_weights_has_no_challenge(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Cast", ["x"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Flatten", ["f"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.UINT8, ["batch", 3, 2, 2])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 12])]
    file = save_model(helper.make_graph(nodes, "none", inputs, outputs), tmp_path / "none.onnx")
    _, asked = put(job(tmp_path / "trial", file, {"answers": "reference"}))
    assert codes(asked) == ["challenge-not-made"]
    assert asked.refused == "its file holds no weights in floating point that could be changed"
