"""Torch on accelerators: through a scripted driver everywhere, and on a real GPU where there is one."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from bench.backends.base import EngineError, Unsupported, find_device
from bench.backends.torch import BACKEND, _accelerator, _Compiled
from bench.backends.torch_graphs import GraphSession, recorded_sizes
from bench.backends.torch_sessions import DeviceSession, Driver, torch_failure
from bench.models.suite import load_workload
from bench.records.host import Device
from bench.records.plan import Setting
from bench.tasks.base import ERROR_CLASS

from . import seam
from .torch_models import ROWS, made

torch = pytest.importorskip("torch", reason="the extra `torch` is not installed")


# ----------------------------------------------------------------------------------------------- scripted devices


class Stream:
    """A queue whose work is done when it is synchronised, and not before."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.pending: list[Callable[[], object]] = []

    def __enter__(self) -> None:
        self.log.append("enter")

    def __exit__(self, *caught: object) -> None:
        self.log.append("exit")

    def synchronize(self) -> None:
        self.log.append("synchronize")
        while self.pending:
            self.pending.pop(0)()


class Recorded:
    """As a graph does: answers change with a replay only, in the memory that they had when it was recorded."""

    def __init__(self, work: Callable[[], Sequence[object]], log: list[str]) -> None:
        self._work, self._log = work, log
        self.answers = [one.clone() for one in work()]  # type: ignore[attr-defined]

    def replay(self) -> None:
        self._log.append(f"replay {len(self.answers[0])}")
        for kept, answer in zip(self.answers, self._work(), strict=True):
            kept.copy_(answer)


class ScriptedDriver(Driver):
    """The CPU in a card's place; answers reach the host with the synchronisation."""

    def __init__(self) -> None:
        super().__init__(torch.device("cpu"))
        self.log: list[str] = []
        self.streams: list[Stream] = []

    def stream(self) -> Stream:
        self.streams.append(Stream(self.log))
        return self.streams[-1]

    def pinned(self, shape: Sequence[int], dtype: object) -> object:
        self.log.append(f"pinned {list(shape)} {dtype}")
        return torch.zeros(tuple(shape), dtype=dtype)

    def send(self, host: object) -> object:
        self.log.append("send")
        return host.clone()  # type: ignore[attr-defined]

    def resident(self, shape: Sequence[int], dtype: object) -> object:
        return torch.zeros(tuple(shape), dtype=dtype)

    def put(self, host: object, there: object) -> None:
        self.log.append("put")
        there.copy_(host)  # type: ignore[attr-defined]

    def recorded(self, work: Callable[[], Sequence[object]], beside: object) -> Recorded:
        self.log.append("record")
        return Recorded(work, self.log)

    def fetch(self, answer: object, host: object) -> None:
        self.log.append("fetch")
        self.streams[-1].pending.append(lambda: host.copy_(answer))  # type: ignore[attr-defined]


def test_a_devices_answers_are_delivered_after_the_stream_was_waited_for() -> None:
    driver, layer = ScriptedDriver(), torch.nn.Linear(3, 3)
    model = made("none")
    session = DeviceSession(layer, model, 4, torch.float32, driver)
    assert driver.log == ["pinned [4, 3] torch.float32"] * 2
    driver.log.clear()
    found = seam.ask(session, model, ROWS, (4, 2))["y"]
    assert driver.log == ["enter", "send", "fetch", "exit", "synchronize"] * 2
    expected = layer(torch.from_numpy(ROWS["a"])).detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_device_that_is_not_waited_for_leaves_stale_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """That the test before can fail: without the synchronisation the old content of the buffer is delivered."""
    driver, model = ScriptedDriver(), made("none")
    monkeypatch.setattr(Stream, "synchronize", lambda self: None)
    session = DeviceSession(torch.nn.Linear(3, 3), model, 4, torch.float32, driver)
    assert not seam.ask(session, model, ROWS, (4,))["y"].any()


def test_a_device_answers_in_the_declared_type_when_it_computes_in_another() -> None:
    driver, layer, model = ScriptedDriver(), torch.nn.Linear(3, 3), made("none")
    network = lambda x: layer(x).to(torch.bfloat16)  # noqa: E731
    found = seam.ask(DeviceSession(network, model, 4, torch.bfloat16, driver), model, ROWS, (4,))["y"]
    np.testing.assert_array_equal(found, network(torch.from_numpy(ROWS["a"][:4])).float().detach().numpy())
    with pytest.raises(EngineError, match="output 'y' came as bfloat16"):
        seam.ask(DeviceSession(network, model, 4, torch.float16, driver), model, ROWS, (4,))


def test_each_worker_has_a_stream_and_buffers_of_its_own() -> None:
    driver, model = ScriptedDriver(), made("none")
    first, second = (DeviceSession(torch.nn.Linear(3, 3), model, 4, torch.float32, driver) for _ in range(2))
    assert len(driver.streams) == 2
    assert first._inputs["a"].data_ptr() != second._inputs["a"].data_ptr()
    assert first._outputs["y"].data_ptr() != second._outputs["y"].data_ptr()


@pytest.mark.parametrize(
    ("most", "sizes"), [(1, (1,)), (2, (1, 2)), (3, (1, 2, 3)), (8, (1, 2, 4, 8)), (12, (1, 2, 4, 8, 12))]
)
def test_sizes_that_are_recorded(most: int, sizes: tuple[int, ...]) -> None:
    assert recorded_sizes(most) == sizes


def test_a_batch_is_played_in_the_smallest_recording_that_holds_it() -> None:
    driver, layer, model = ScriptedDriver(), torch.nn.Linear(3, 3), made("none")
    session = GraphSession(layer, model, 6, torch.float32, driver)
    assert driver.log[2:] == ["record"] * 4
    assert session.sizes == (1, 2, 4, 6)
    driver.log.clear()
    found = seam.ask(session, model, ROWS, (1, 3, 2))["y"]
    plays = [["enter", "put", f"replay {size}", "fetch", "exit", "synchronize"] for size in (1, 4, 2)]
    assert driver.log == [word for play in plays for word in play]
    np.testing.assert_allclose(found, layer(torch.from_numpy(ROWS["a"])).detach().numpy(), rtol=1e-6)


def test_rows_of_an_earlier_batch_do_not_come_back() -> None:
    driver, layer, model = ScriptedDriver(), torch.nn.Linear(3, 3), made("none")
    session = GraphSession(layer, model, 4, torch.float32, driver)
    seam.ask(session, model, ROWS, (4,))
    later = {"a": ROWS["a"][3:]}
    found = seam.ask(session, model, later, (3,))["y"]
    np.testing.assert_allclose(found, layer(torch.from_numpy(later["a"])).detach().numpy(), rtol=1e-6)


def test_recordings_of_a_session_share_memory_and_those_of_two_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    besides: list[object] = []
    plain = ScriptedDriver.recorded

    def noted(self: ScriptedDriver, work: Callable[[], Sequence[object]], beside: object) -> Recorded:
        besides.append(beside)
        return plain(self, work, beside)

    monkeypatch.setattr(ScriptedDriver, "recorded", noted)
    driver, model = ScriptedDriver(), made("none")
    sessions = [GraphSession(torch.nn.Linear(3, 3), model, 4, torch.float32, driver) for _ in range(2)]
    assert [one is None for one in besides] == [True, False, False] * 2
    assert sessions[0]._resident["a"].data_ptr() != sessions[1]._resident["a"].data_ptr()


def test_what_is_recorded_answers_in_the_declared_type_or_is_refused() -> None:
    driver, layer, model = ScriptedDriver(), torch.nn.Linear(3, 3), made("none")
    network = lambda x: layer(x).to(torch.bfloat16)  # noqa: E731
    found = seam.ask(GraphSession(network, model, 4, torch.bfloat16, driver), model, ROWS, (4,))["y"]
    np.testing.assert_array_equal(found, network(torch.from_numpy(ROWS["a"][:4])).float().detach().numpy())
    with pytest.raises(EngineError, match="output 'y' came as bfloat16"):
        GraphSession(network, model, 4, torch.float16, driver)


def test_graphs_are_for_cuda_and_for_samples_of_one_length() -> None:
    model, _ = seam.speech()
    with pytest.raises(Unsupported, match="'graphs' is for cuda, not for cpu"):
        BACKEND.compile(model, find_device(BACKEND, "cpu"), seam.options(settings={"graphs": True}))
    recogniser = load_workload("speech_recognize").model()
    with pytest.raises(Unsupported, match="'graphs' is for samples of one length"):
        BACKEND.compile(recogniser, Device(kind="cuda"), seam.options(settings={"graphs": True}))


def as_a_card(monkeypatch: pytest.MonkeyPatch, driver: ScriptedDriver) -> None:
    """The processor in a card's place, in compile() too."""
    host = torch.device("cpu")

    def opened(self: _Compiled, worker: int) -> GraphSession:
        assert self._network is not None
        try:
            return GraphSession(self._network, self._model, self._options.max_batch, self._executed, driver)
        except RuntimeError as error:
            raise torch_failure(error, "torch cannot open a session") from error

    monkeypatch.setattr(torch, "device", lambda *named: host)
    monkeypatch.setattr(_Compiled, "open", opened)


def test_facts_say_which_batches_were_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = ScriptedDriver()
    as_a_card(monkeypatch, driver)
    model, _ = seam.speech()
    compiled = BACKEND.compile(model, Device(kind="cuda"), seam.options(settings={"graphs": True}, max_batch=6))
    assert compiled.facts.applied["graphs"] == "1, 2, 4, 6"
    driver.log.clear()
    plain = BACKEND.compile(model, Device(kind="cuda"), seam.options(max_batch=6))
    assert plain.facts.applied["graphs"] is False
    assert driver.log == [], "nothing is recorded that nobody asked for"


def test_a_capture_that_fails_is_told_when_it_is_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(ScriptedDriver):
        def recorded(self, work: Callable[[], Sequence[object]], beside: object) -> Recorded:
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    as_a_card(monkeypatch, Refusing())
    model, _ = seam.speech()
    with pytest.raises(
        EngineError, match="torch's CUDA graphs fail: RuntimeError: CUDA error: operation not permitted"
    ):
        BACKEND.compile(model, Device(kind="cuda"), seam.options(settings={"graphs": True}))


def test_accelerators_are_listed_as_torch_reports_them(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = types.SimpleNamespace(name="a card", total_memory=1 << 34)
    module = types.SimpleNamespace(get_device_properties=lambda index: properties, is_bf16_supported=lambda: True)
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device("xpu"))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "get_device_module", lambda kind: module)
    cards = [device for device in BACKEND.devices() if device.kind != "cpu"]
    assert cards == [
        Device(kind="xpu", index=index, title="a card", memory_bytes=1 << 34, precisions=("fp32", "fp16", "bf16"))
        for index in range(2)
    ]
    assert find_device(BACKEND, "xpu:1") == cards[1]
    module.is_bf16_supported = lambda: False
    assert _accelerator("xpu", 0).precisions == ("fp32", "fp16")


# ---------------------------------------------------------------------------------------------------- a real GPU


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "fp16", "bf16"])
def test_on_a_gpu(precision: str) -> None:
    with contextlib.suppress(StopIteration):
        card = next(device for device in BACKEND.devices() if device.kind == "cuda")
        if precision not in card.precisions:
            pytest.skip(f"{card.title} has no {precision}")
        model, inputs = seam.speech()
        compiled = BACKEND.compile(model, card, seam.options(precision, workers=2))
        assert compiled.facts.precision_executed == precision
        assert max(seam.errors_at_once(compiled, model, inputs, workers=2)) <= ERROR_CLASS[precision]
        return
    pytest.skip("nvidia-smi lists a GPU, and this torch is built without CUDA")


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_recorded_batches_on_a_gpu(compiled: bool) -> None:
    cards = [device for device in BACKEND.devices() if device.kind == "cuda"]
    if not cards:
        pytest.skip("nvidia-smi lists a GPU, and this torch is built without CUDA")
    model, inputs = seam.speech()
    settings: dict[str, Setting] = {"graphs": True, "compile": compiled}
    facts, found = seam.answers(BACKEND, model, inputs, (4, 1, 3, 4), device=cards[0], settings=settings)
    assert facts.applied["graphs"] == "1, 2, 4"
    assert facts.applied["compile"] is compiled
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["fp32"]


@pytest.mark.gpu
def test_tf32_on_a_gpu_is_told() -> None:
    cards = [device for device in BACKEND.devices() if device.kind == "cuda"]
    if not cards:
        pytest.skip("nvidia-smi lists a GPU, and this torch is built without CUDA")
    model, inputs = seam.speech()
    facts, found = seam.answers(BACKEND, model, inputs, device=cards[0], settings={"tf32": True})
    assert facts.precision_executed == "tf32"
    assert seam.worst_error(found, seam.reference(model, inputs)) <= ERROR_CLASS["tf32"]
