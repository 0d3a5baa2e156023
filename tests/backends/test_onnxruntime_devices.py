"""onnxruntime with its inputs in a device's memory: its real calls on the host's memory, and a scripted card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from bench.backends.base import DeviceLost, EngineError, Model, OutOfMemory, Unsupported, find_device
from bench.backends.onnxruntime import BACKEND
from bench.backends.onnxruntime_sessions import MEMORY, BoundSession, Driver, FedSession, Value
from bench.models.suite import load_workload, workload_names
from bench.records.host import Device

from . import seam

HOST = "CPUExecutionProvider"
BATCH = 4


def loaded(model: Model) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(str(model.path), providers=[HOST])


def fed(model: Model, inputs: seam.Named, sizes: Sequence[int]) -> seam.Named:
    return seam.ask(FedSession(loaded(model), model), model, inputs, sizes)


# ------------------------------------------------------------------------ onnxruntime's own calls, on the host's memory


class HostDriver(Driver):
    """The host's memory in a device's place, through onnxruntime's own calls; with as much pinned as is asked for."""

    def __init__(self, session: onnxruntime.InferenceSession, staged: bool) -> None:
        super().__init__(session, HOST, 0)
        self._staged = staged

    def pinned(self, shape: Sequence[int], dtype: str) -> Value | None:
        if not self._staged:
            return None
        value = self.on_device(shape, dtype)
        assert value.numpy().ctypes.data == value.data_ptr()  # type: ignore[attr-defined]
        return value


def bound(model: Model, staged: bool = False) -> BoundSession:
    session = loaded(model)
    return BoundSession(FedSession(session, model), model, BATCH, HostDriver(session, staged))


@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("kind", [seam.tiny, seam.two_way])
def test_it_answers_as_when_it_is_fed(tmp_path: Path, kind: object, staged: bool) -> None:
    """Full batches are bound, the last one is not; each has other samples than the one before."""
    model, inputs = kind(tmp_path)  # type: ignore[operator]
    sizes = (BATCH, BATCH, 3)
    found, expected = seam.ask(bound(model, staged), model, inputs, sizes), fed(model, inputs, sizes)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)
    assert len({row.tobytes() for row in expected[model.outputs[0].name]}) == sum(sizes)


@pytest.mark.full
@pytest.mark.parametrize("staged", [False, True])
@pytest.mark.parametrize("name", workload_names())
def test_every_network_of_the_suite_answers_as_when_it_is_fed(name: str, staged: bool) -> None:
    """By onnxruntime's IO binding with its provider for processors: to the bit what a plain session answers."""
    workload = load_workload(name)
    model, inputs = workload.model(), workload.evaluation_inputs(np.arange(BATCH + 1))
    sizes = (BATCH, 1)
    found, expected = seam.ask(bound(model, staged), model, inputs, sizes), fed(model, inputs, sizes)
    for output, array in expected.items():
        np.testing.assert_array_equal(found[output], array)


def test_two_sessions_have_memory_of_their_own(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    first, second = bound(model), bound(model)
    other = {name: array[BATCH:] for name, array in inputs.items()}
    seam.ask(first, model, inputs, (BATCH,))
    found = seam.ask(second, model, other, (BATCH,))["logits"]
    np.testing.assert_array_equal(found, fed(model, other, (BATCH,))["logits"])


def test_arrays_of_another_form_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    session = bound(model)
    for given, into in seam.wrong_forms(model, inputs["x"][:BATCH]):
        before = {name: array.copy() for name, array in into.items()}
        with pytest.raises(EngineError):
            session.run({"x": given}, into)
        for name, array in into.items():
            np.testing.assert_array_equal(array, before[name])


def test_answers_go_where_arrays_are_not_in_one_piece(tmp_path: Path) -> None:
    model, inputs = seam.tiny(tmp_path)
    wide = np.full((BATCH, 10), np.nan, np.float32)
    bound(model).run({"x": inputs["x"][:BATCH]}, {"logits": wide[:, ::2]})
    np.testing.assert_array_equal(wide[:, ::2], fed(model, inputs, (BATCH,))["logits"])
    assert np.isnan(wide[:, 1::2]).all()


# ---------------------------------------------------------------------------------------------------- a scripted card


class CardValue:
    def __init__(self, card: Card, name: str, shape: Sequence[int], dtype: str) -> None:
        self.card, self.name, self.array = card, name, np.zeros(tuple(shape), dtype)

    def update_inplace(self, data: object) -> None:
        source = data.array if isinstance(data, CardValue) else data
        self.card.log.append(f"{data.name if isinstance(data, CardValue) else 'array'} to {self.name}")
        np.copyto(self.array, source)  # type: ignore[arg-type]

    def numpy(self) -> NDArray[np.generic]:
        return self.array


class Card(Driver):
    """Doubles what it is given; tells of each copy and fails as it is told to."""

    def __init__(self, pinned: bool = True, error: Exception | None = None) -> None:
        self.log: list[str] = []
        self.inputs: dict[str, CardValue] = {}
        self.outputs: dict[str, NDArray[np.generic]] = {}
        self._pinned, self._error = pinned, error

    def on_device(self, shape: Sequence[int], dtype: str) -> CardValue:
        return CardValue(self, "card", shape, dtype)

    def pinned(self, shape: Sequence[int], dtype: str) -> CardValue | None:
        return CardValue(self, "pinned", shape, dtype) if self._pinned else None

    def binding(self) -> Card:
        return self

    def bind_ortvalue_input(self, name: str, value: CardValue) -> None:
        self.inputs[name] = value

    def bind_output(
        self, name: str, kind: str, index: int, dtype: np.dtype[np.generic], shape: Sequence[int], pointer: int
    ) -> None:
        assert (kind, index) == ("cpu", 0)
        self.log.append(f"{name} at {pointer}")

    def run(self, binding: object) -> None:
        self.log.append("run")
        if self._error is not None:
            raise self._error


def card_session(tmp_path: Path, card: Card) -> tuple[BoundSession, seam.Named, seam.Named]:
    model, inputs = seam.tiny(tmp_path)
    out: seam.Named = {"logits": np.zeros((BATCH, 5), np.float32)}
    session = BoundSession(FedSession(loaded(model), model), model, BATCH, card)
    return session, {"x": inputs["x"][:BATCH]}, out


@pytest.mark.parametrize(("pinned", "way"), [(True, "pinned to card"), (False, "array to card")])
def test_each_copy_is_made_once_and_by_name(tmp_path: Path, pinned: bool, way: str) -> None:
    card = Card(pinned)
    session, batch, out = card_session(tmp_path, card)
    for _ in range(2):
        card.log.clear()
        session.run(batch, out)
        assert card.log == [way, f"logits at {out['logits'].ctypes.data}", "run"]
        np.testing.assert_array_equal(card.inputs["x"].array, batch["x"])
        batch = {"x": batch["x"][::-1].copy()}


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc((void**)&p, size);", OutOfMemory),
        ("CUDA failure 719: unspecified launch failure ; GPU=0 ; expr=cudaStreamSynchronize(stream)", DeviceLost),
        ("CUDA failure 1: invalid argument ; GPU=0 ; expr=cudaMemcpyAsync(a, b)", EngineError),
    ],
)
def test_what_its_driver_says_is_understood(tmp_path: Path, words: str, kind: type[EngineError]) -> None:
    session, batch, out = card_session(tmp_path, Card(error=RuntimeError(words)))
    with pytest.raises(EngineError) as caught:
        session.run(batch, out)
    assert type(caught.value) is kind
    assert str(caught.value) == f"onnxruntime: {words}"


# -------------------------------------------------------------------------------------------------------- the backend


def test_the_hosts_memory_is_not_bound(tmp_path: Path) -> None:
    model, _ = seam.tiny(tmp_path)
    compiled = BACKEND.compile(model, Device(kind="cpu"), seam.options(max_batch=BATCH))
    assert isinstance(compiled.open(0), FedSession)
    assert "io_binding" not in compiled.facts.applied
    with pytest.raises(Unsupported, match="'io_binding' is for devices with memory of their own, not for cpu"):
        BACKEND.compile(model, Device(kind="cpu"), seam.options(settings={"io_binding": True}))


@pytest.mark.parametrize(("settings", "session"), [({}, BoundSession), ({"io_binding": False}, FedSession)])
def test_a_device_with_memory_of_its_own_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, bool], session: type
) -> None:
    """The processor under another provider's name: what is asked of it is what would be asked of a card."""
    monkeypatch.setitem(MEMORY, HOST, "cpu")
    model, inputs = seam.tiny(tmp_path)
    compiled = BACKEND.compile(model, find_device(BACKEND, "cpu"), seam.options(max_batch=BATCH, settings=settings))
    opened = compiled.open(0)
    assert isinstance(opened, session)
    assert compiled.facts.applied["io_binding"] is (session is BoundSession)
    np.testing.assert_array_equal(
        seam.ask(opened, model, inputs, (BATCH, 2))["logits"], fed(model, inputs, (BATCH, 2))["logits"]
    )
