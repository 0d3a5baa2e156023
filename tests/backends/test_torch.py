"""Torch behind the seam: the suite's modules give the suite's answers, and what was applied is told."""

from __future__ import annotations

import sys
import threading
import types
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest

from bench.backends import checks
from bench.backends.base import EngineError, Unsupported, find_device
from bench.backends.torch import BACKEND, _precision
from bench.hardware.container import usable_cores
from bench.host import probe
from bench.loadgen.supervisor import RepetitionFailed, run_repetition
from bench.models.suite import load_workload
from bench.records.plan import DEFAULT_WORKLOADS, Setting
from bench.tasks.base import ERROR_CLASS

from ..fixtures import job, measurement
from . import seam
from .torch_models import ROWS, A, B, Y, Z, made

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")
CPU = next(device for device in BACKEND.devices() if device.kind == "cpu")


Forward = Callable[..., object]


@pytest.fixture
def network_module(monkeypatch: pytest.MonkeyPatch) -> Callable[[Forward], str]:
    """Makes a workload's `network` module of one function over a layer; returns its name."""

    def make(forward: Forward) -> str:
        class Net(torch.nn.Module):  # type: ignore[name-defined,misc]
            def __init__(self) -> None:
                super().__init__()
                torch.manual_seed(0)
                self.layer = torch.nn.Linear(3, 3)

            def forward(self, *given: object) -> object:
                return forward(self.layer, *given)

        module = types.ModuleType("made_network")
        module.load_shipped = lambda graph: Net()  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "made_network", module)
        return "made_network"

    return make


# ------------------------------------------------------------------------------------------------------- answers


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("precision", CPU.precisions)
@pytest.mark.parametrize("workload", DEFAULT_WORKLOADS)
def test_the_suites_modules_agree_with_the_suites_graphs(workload: str, precision: str, channels_last: bool) -> None:
    opened = load_workload(workload)
    model, inputs = opened.model(), opened.evaluation_inputs(np.arange(12))
    settings: dict[str, Setting] = {"channels_last": channels_last}
    facts, found = seam.answers(BACKEND, model, inputs, (4, 1, 3, 4), precision=precision, settings=settings)
    error = seam.worst_error(found, seam.reference(model, inputs))
    assert facts.precision_executed == precision
    assert error <= ERROR_CLASS[precision]
    assert (error > ERROR_CLASS["fp32"]) == (precision != "fp32"), "what is told is what the numbers show"
    assert facts.applied["channels_last"] is channels_last
    assert facts.device_operator_share == 1.0
    assert facts.engine_version == torch.__version__


@pytest.mark.full
@pytest.mark.parametrize("precision", CPU.precisions)
def test_a_compiled_module_gives_the_same_answers(precision: str) -> None:
    """Some twenty seconds of inductor each."""
    model, inputs = seam.speech()
    facts, found = seam.answers(BACKEND, model, inputs, precision=precision, settings={"compile": True})
    assert facts.applied["compile"] is True
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS[precision]


def test_a_module_that_cannot_be_compiled_whole_is_refused(network_module: Callable[[Forward], str]) -> None:
    def broken(layer: Forward, x: object) -> object:
        torch._dynamo.graph_break()
        return layer(x)

    with pytest.raises(EngineError) as caught:
        BACKEND.compile(made(network_module(broken)), CPU, seam.options(settings={"compile": True}))
    assert str(caught.value).startswith("torch.compile fails: ")
    assert "\n" not in str(caught.value)


def test_several_inputs_and_outputs_go_by_the_declared_order(network_module: Callable[[Forward], str]) -> None:
    name = network_module(lambda layer, b, a: (b - a, b + a))
    _, found = seam.answers(BACKEND, made(name, (Y, Z), (B, A)), ROWS, (4, 2))
    np.testing.assert_array_equal(found["y"], ROWS["b"] - ROWS["a"])
    np.testing.assert_array_equal(found["z"], ROWS["b"] + ROWS["a"])


def test_a_session_repeats_itself() -> None:
    model, inputs = seam.speech()
    session = BACKEND.compile(model, CPU, seam.options()).open(0)
    first, second = (seam.ask(session, model, inputs, (4, 4, 4))["logits"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_sessions_at_once_do_not_disturb_one_another() -> None:
    model, inputs = seam.speech()
    compiled = BACKEND.compile(model, CPU, seam.options(workers=3))
    errors = seam.errors_at_once(compiled, model, inputs, workers=3)
    assert len(errors) == 3
    assert max(errors) <= ERROR_CLASS["fp32"]


def test_no_gradients_are_kept_in_a_workers_thread(network_module: Callable[[Forward], str]) -> None:
    """The mode is each thread's own: what compile() switches off is on again where a worker runs."""
    seen = []
    name = network_module(lambda layer, x: seen.append(torch.is_inference_mode_enabled()) or layer(x))
    model = made(name)
    session = BACKEND.compile(model, CPU, seam.options()).open(0)
    worker = threading.Thread(target=lambda: seam.ask(session, model, ROWS, (4,)))
    worker.start()
    worker.join()
    assert seen == [True]


# ------------------------------------------------------------------------------------------- settings and facts


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_read_back_and_reach_the_workers(threads: int, network_module: Callable[[Forward], str]) -> None:
    if threads > usable_cores():
        pytest.skip("needs as many cores")
    seen = []
    name = network_module(lambda layer, x: seen.append(torch.get_num_threads()) or layer(x))
    model = made(name)
    compiled = BACKEND.compile(model, CPU, seam.options(threads=threads))
    assert compiled.facts.applied["threads"] == threads
    session = compiled.open(0)
    worker = threading.Thread(target=lambda: seam.ask(session, model, ROWS, (4,)))
    worker.start()
    worker.join()
    assert seen == [threads]


def test_float32_is_computed_as_float32_whatever_was_set_before() -> None:
    torch.set_float32_matmul_precision("medium")
    model, _ = seam.speech()
    facts = BACKEND.compile(model, CPU, seam.options()).facts
    assert facts.applied["float32_arithmetic"] == "ieee"
    assert torch.backends.mkldnn.matmul.fp32_precision == "ieee"
    assert torch.backends.cudnn.conv.fp32_precision == "ieee", "torch's own default is tf32"


def test_the_coarsest_type_of_a_module_is_its_precision() -> None:
    mixed = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 2).to(torch.bfloat16))
    assert _precision(mixed, "ieee") == "bf16"
    assert _precision(mixed[:1], "ieee") == "fp32"
    assert _precision(mixed[:1], "tf32") == "tf32"
    assert _precision(torch.nn.Linear(2, 2).half(), "tf32") == "fp16"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"chanels_last": True}, "torch has no setting 'chanels_last'. Did you mean 'channels_last'?"),
        ({"compile": "yes"}, "torch's setting 'compile' cannot be 'yes'. Known: false, true."),
        ({"compile": 1}, "torch's setting 'compile' cannot be 1. Known: false, true."),
        ({"tf32": True}, "torch's setting 'tf32' is for fp32 on cuda, not for fp32 on cpu."),
    ],
)
def test_settings_are_checked(settings: dict[str, Setting], said: str) -> None:
    with pytest.raises(Unsupported) as caught:
        BACKEND.compile(seam.speech()[0], CPU, seam.options(settings=settings))
    assert str(caught.value) == said


@pytest.mark.parametrize("precision", sorted({"fp16", "bf16", "int8"} - set(CPU.precisions)))
def test_a_precision_that_the_device_lacks_is_refused(precision: str) -> None:
    with pytest.raises(Unsupported, match=rf"torch on cpu:0 runs .*fp32.*; {precision} was asked for\."):
        BACKEND.compile(seam.speech()[0], CPU, seam.options(precision))


# ------------------------------------------------------------------------------------------------- hostile input


def test_a_users_file_is_not_supported_and_says_what_is(tmp_path: Path) -> None:
    with pytest.raises(Unsupported) as caught:
        BACKEND.compile(seam.tiny(tmp_path)[0], CPU, seam.options())
    assert str(caught.value) == (
        "torch runs the suite's own networks and reads no ONNX files such as tiny.onnx; "
        "use `--backend onnxruntime` or `--backend openvino` for it."
    )


def test_a_broken_file_is_told_in_one_line(tmp_path: Path) -> None:
    model = msgspec.structs.replace(seam.speech()[0], path=seam.broken_onnx(tmp_path / "broken.onnx"))
    with pytest.raises(EngineError, match=r"torch cannot load broken\.onnx: ") as caught:
        BACKEND.compile(model, CPU, seam.options())
    assert "\n" not in str(caught.value)


def test_a_module_without_the_function_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("bare_network")
    monkeypatch.setitem(sys.modules, "bare_network", module)
    with pytest.raises(EngineError, match=r"bare_network has no load_shipped\(graph\)"):
        BACKEND.compile(made("bare_network"), CPU, seam.options())
    module.load_shipped = lambda graph: 7  # type: ignore[attr-defined]
    with pytest.raises(EngineError, match=r"load_shipped of bare_network gave int; expected a torch.nn.Module"):
        BACKEND.compile(made("bare_network"), CPU, seam.options())


def test_a_workload_of_another_distribution_is_found_without_importing_its_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bench.models.suite import SuiteWorkload

    monkeypatch.syspath_prepend(str(tmp_path))
    specification = (load_workload("speech_command").folder / "workload.toml").read_text()  # type: ignore[attr-defined]
    for name, has_network in (("acme_bare", False), ("acme_net", True)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
        (tmp_path / name / "workload.toml").write_text(specification)
        if has_network:
            (tmp_path / name / "network.py").write_text("raise RuntimeError('imported')")
        package = __import__(name)
        assert SuiteWorkload(package).model().network == (f"{name}.network" if has_network else None)


@pytest.mark.parametrize(
    ("forward", "said"),
    [
        (lambda layer, x: layer(x).double(), "output 'y' came as float64[4, 3]; declared is float32[4, 3]."),
        (lambda layer, x: layer(x).bfloat16(), "output 'y' came as bfloat16[4, 3]; declared is float32[4, 3]."),
        (lambda layer, x: layer(x)[:, :2], "output 'y' came as float32[4, 2]; declared is float32[4, 3]."),
        (lambda layer, x: layer(x)[:1], "output 'y' came as float32[1, 3]; declared is float32[4, 3]."),
        (lambda layer, x: [layer(x)] * 2, "the network answers with (Tensor, Tensor); expected a tensor each for y."),
        (lambda layer, x: {"y": layer(x)}, "the network answers with (dict); expected a tensor each for y."),
    ],
)
def test_answers_that_are_not_as_declared_are_refused(
    forward: Forward, said: str, network_module: Callable[[Forward], str]
) -> None:
    model = made(network_module(forward))
    with pytest.raises(EngineError) as caught:
        seam.answers(BACKEND, model, ROWS, (4,))
    assert str(caught.value) == f"torch: {said}"


@pytest.mark.parametrize(
    ("given", "into", "said"),
    [
        (
            ROWS["a"][:4].astype(np.float64),
            ROWS["b"][:4],
            "input 'a' came as float64[4, 3]; declared is float32[4, 3].",
        ),
        (ROWS["a"][:4, :2], ROWS["b"][:4], "input 'a' came as float32[4, 2]; declared is float32[4, 3]."),
        (ROWS["a"][:4], ROWS["b"][:3], "output 'y' came as float32[3, 3]; declared is float32[4, 3]."),
        (ROWS["a"][:5], ROWS["b"][:5], "a batch of 5 came; it is made ready for 4 at most."),
    ],
)
def test_arrays_of_another_form_are_refused(
    given: np.ndarray, into: np.ndarray, said: str, network_module: Callable[[Forward], str]
) -> None:
    model = made(network_module(lambda layer, x: layer(x)))
    session = BACKEND.compile(model, CPU, seam.options()).open(0)
    with pytest.raises(EngineError) as caught:
        session.run({"a": given}, {"y": into.copy()})
    assert str(caught.value) == f"torch: {said}"


# ----------------------------------------------------------------------------------------------------- discovery


def test_without_the_package_there_is_no_device_and_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "find_spec", lambda name: None)
    assert BACKEND.devices() == []
    why = "the package 'torch' is not installed; `pip install 'inference-bench[torch]'` brings it"
    assert list(probe._answers("torch")) == [probe.Probe(backend="torch", why=why)]


def test_a_device_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: False)
    with pytest.raises(Unsupported, match=r"Backend 'torch' has no device 'gpu:3'\. .*'?cpu:0"):
        find_device(BACKEND, "gpu:3")


# ------------------------------------------------------------------------------------------------ a whole repetition


def test_a_repetition_in_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    short = measurement("offline", workload="speech_command", batch=4, workers=2, load_samples=16)
    one = job(tmp_path / "trial", Path(), {"channels_last": True}, backend="torch", measurement=short)
    report = run_repetition(msgspec.structs.replace(one, model=None), lambda phase: None, 120.0)
    assert report.facts.engine == "torch"
    assert report.facts.applied["threads"] == 1
    assert report.verification.mismatched == 0
    assert report.bad_samples == 0


def test_a_users_file_ends_a_repetition_as_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BENCH_CACHE", str(tmp_path / "cache"))
    model, _ = seam.tiny(tmp_path)
    with pytest.raises(RepetitionFailed, match=r"reads no ONNX files such as tiny\.onnx"):
        run_repetition(
            job(tmp_path / "trial", model.path, {"compile": False}, backend="torch"), lambda phase: None, 120.0
        )
