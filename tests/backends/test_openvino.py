"""OpenVINO behind the seam: right answers, settings that are read back, and clear refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.backends.base import EngineError, Model, Unsupported
from bench.backends.openvino import BACKEND, _keep_quiet
from bench.backends.openvino_readback import reason
from bench.hardware.container import usable_cores
from bench.loadgen.supervisor import run_repetition
from bench.records.plan import Setting
from bench.tasks.base import ERROR_CLASS

from ..fixtures import job, measurement
from . import seam

_keep_quiet()  # here, too, before the import that would write into the home folder
pytest.importorskip("openvino", reason="the extra `openvino` is not installed")
CPU = next(device for device in BACKEND.devices() if device.kind == "cpu")


def compiled(model: Model, **changes: object):  # type: ignore[no-untyped-def]
    return BACKEND.compile(model, CPU, seam.options(**changes))  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("axis", ["fixed", "free"])
@pytest.mark.parametrize("make", [seam.tiny, seam.two_way])
def test_every_batch_size_gives_the_same_answers(
    make: Callable[[Path], tuple[Model, seam.Named]], axis: str, tmp_path: Path
) -> None:
    model, inputs = make(tmp_path)
    expected = seam.reference(model, inputs)
    for sizes in ((4, 4, 4), (1, 3, 4, 2, 2), (1,) * 12):
        facts, found = seam.answers(BACKEND, model, inputs, sizes, settings={"batch_axis": axis})
        assert seam.worst_error(found, expected) <= ERROR_CLASS["fp32"]
        assert facts.applied["batch_axis"] == axis


def test_batches_that_vary_while_the_clock_runs_are_not_filled_up(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    facts, found = seam.answers(BACKEND, model, inputs, (1, 3, 4, 1, 3), varying_batch=True)
    assert facts.applied["batch_axis"] == "free"
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]
    # What a user says holds.
    chosen = seam.answers(BACKEND, model, inputs, (4, 4, 4), varying_batch=True, settings={"batch_axis": "fixed"})[0]
    assert chosen.applied["batch_axis"] == "fixed"


def test_a_file_with_a_fixed_batch(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    from ..fixtures import tiny_onnx

    fixed = msgspec.structs.replace(model, path=tiny_onnx(tmp_path / "fixed.onnx", batch=4), fixed_batch=4)
    _, found = seam.answers(BACKEND, fixed, inputs)
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]


def test_a_session_repeats_itself() -> None:
    model, inputs = seam.speech()
    session = compiled(model).open(0)
    first, second = (seam.ask(session, model, inputs, (4, 4, 4))["logits"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_sessions_at_once_do_not_disturb_one_another() -> None:
    model, inputs = seam.speech()
    errors = seam.errors_at_once(compiled(model, workers=3), model, inputs, workers=3)
    assert len(errors) == 3
    assert max(errors) <= ERROR_CLASS["fp32"]


def test_inputs_may_be_read_only_or_strided(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    expected = seam.reference(model, inputs)
    session = compiled(model).open(0)
    locked = inputs["x"].copy()
    locked.flags.writeable = False
    strided = np.zeros((12, 3, 8, 16), np.uint8)[..., ::2]
    strided[...] = inputs["x"]
    for given in (locked, strided):
        found = seam.ask(session, model, {"x": given}, (4, 4, 4))
        assert seam.worst_error(found, expected) <= ERROR_CLASS["fp32"]


# ------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("workers", "threads", "settings", "applied"),
    [
        (1, 1, {}, {"streams": 1, "threads": 1, "hint": "latency"}),
        (2, 1, {}, {"streams": 2, "threads": 2}),
        (1, 2, {}, {"streams": 1, "threads": 2}),
        (1, 2, {"streams": 2}, {"streams": 2, "threads": 2}),
        (1, 1, {"hint": "throughput"}, {"streams": 1, "threads": 1, "hint": "throughput"}),
        (1, 2, {"hint": "throughput", "streams": 1}, {"streams": 1, "threads": 2, "hint": "throughput"}),
    ],
)
def test_threads_and_streams_are_read_back(
    workers: int, threads: int, settings: dict[str, Setting], applied: dict[str, Setting], tmp_path: Path
) -> None:
    model, _ = seam.tiny(tmp_path)
    if workers * threads > usable_cores():
        pytest.skip("OpenVINO takes no more threads than there are cores")
    facts = compiled(model, workers=workers, threads=threads, settings=settings).facts
    assert {name: facts.applied[name] for name in applied} == applied


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"hnt": "latency"}, "openvino has no setting 'hnt'. Did you mean 'hint'?"),
        ({"hint": "troughput"}, "openvino's setting 'hint' cannot be 'troughput'. Did you mean 'throughput'?"),
        (
            {"inference_precision": "int3"},
            "openvino's setting 'inference_precision' cannot be 'int3'. Known: asked, auto.",
        ),
        ({"streams": 0}, "openvino's setting 'streams' is 0; expected a whole number from 1 to 1024."),
        ({"streams": True}, "openvino's setting 'streams' is True; expected a whole number from 1 to 1024."),
        ({"streams": "two"}, "openvino's setting 'streams' is 'two'; expected a whole number from 1 to 1024."),
    ],
)
def test_settings_are_checked(settings: dict[str, Setting], said: str, tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        compiled(seam.tiny(tmp_path)[0], settings=settings)
    assert str(caught.value) == said


# ------------------------------------------------------------------------------------------------- hostile input


def said_in_one_line(error: pytest.ExceptionInfo[EngineError]) -> str:
    text = str(error.value)
    assert "\n" not in text
    assert "Exception from" not in text
    assert text.startswith("openvino")
    return text


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    model = msgspec.structs.replace(seam.tiny(tmp_path)[0], path=seam.broken_onnx(tmp_path / "broken.onnx"))
    with pytest.raises(EngineError) as caught:
        compiled(model)
    assert "cannot compile broken.onnx: Unable to read the model" in said_in_one_line(caught)


def test_a_model_that_is_not_as_declared(tmp_path: Path) -> None:
    model, _ = seam.tiny(tmp_path)
    (logits,) = model.outputs
    for changed, said in (
        (
            msgspec.structs.replace(logits, name="lgits"),
            "openvino finds no output 'lgits' in the model; it has logits.",
        ),
        (
            msgspec.structs.replace(logits, dtype="float16"),
            "openvino has output 'logits' as f32[5]; declared is float16[5].",
        ),
        (
            msgspec.structs.replace(logits, shape=(6,)),
            "openvino has output 'logits' as f32[5]; declared is float32[6].",
        ),
        (
            msgspec.structs.replace(logits, shape=(5, 1)),
            "openvino has output 'logits' as f32[5]; declared is float32[5, 1].",
        ),
    ):
        with pytest.raises(EngineError) as caught:
            compiled(msgspec.structs.replace(model, outputs=(changed,)))
        assert str(caught.value) == said


@pytest.mark.parametrize("axis", ["fixed", "free"])
def test_arrays_of_another_form_are_refused(axis: str, tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    session = compiled(model, settings={"batch_axis": axis}).open(0)
    good = inputs["x"][:4]
    too_many = (inputs["x"][:5], {"logits": np.zeros((4, 5), np.float32)})
    for given, into in (*seam.wrong_forms(model, good), too_many):
        with pytest.raises(EngineError) as caught:
            session.run({"x": given}, into)
        said_in_one_line(caught)
    assert seam.worst_error(seam.ask(session, model, inputs, (4,)), seam.reference(model, {"x": good})) < 1e-5


def test_a_batch_over_the_compiled_one_is_refused(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    with pytest.raises(EngineError, match="a batch of 5 came; it is made ready for 4 at most"):
        seam.ask(compiled(model).open(0), model, inputs, (5,))


def test_an_error_is_told_without_where_it_was_thrown() -> None:
    error = RuntimeError("Exception from src/a.cpp:1:\nCheck 'x' failed at src/b.cpp:2:\nNo such\n thing\n\n")
    assert reason(error) == "No such thing"
    assert reason(RuntimeError("Exception from src/a.cpp:1")) == "Exception from src/a.cpp:1"
    assert reason(RuntimeError("")) == "RuntimeError"


# ------------------------------------------------------------------------------------------------ a whole repetition


def test_a_repetition_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    model, _ = seam.tiny(tmp_path)
    one = job(
        tmp_path / "trial",
        model.path,
        {"hint": "throughput"},
        backend="openvino",
        measurement=measurement("offline", batch=5, workers=2),
    )
    report = run_repetition(one, lambda phase: None, 60.0)
    assert report.facts.engine == "openvino"
    assert report.facts.precision_executed == "fp32"
    assert report.verification.mismatched == 0
    assert report.bad_samples == 0
