"""`bench.loadgen.placing`: devices found once each, workers in order, and no device unchecked beside a right one."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from bench.backends.base import Model, Options, Unsupported
from bench.backends.fake import FakeBackend
from bench.loadgen.engine import find_devices
from bench.loadgen.lane import AllDue, Lane
from bench.loadgen.outputs import SecretSample
from bench.loadgen.placing import Placed, placed, verify_placed
from bench.records.host import Device, DeviceFacts

from ..fixtures import FACTS, OUTPUT, Arrays, ScriptedSession
from .lanes import make_lane


def test_devices_are_found_in_the_order_they_were_asked_for() -> None:
    found = find_devices(FakeBackend(), ["card:1", "cpu", "card"])
    assert [device.address for device in found] == ["card:1", "cpu:0", "card:0"]


def test_one_device_under_two_names_is_refused() -> None:
    with pytest.raises(Unsupported, match="`--device card:0` and `--device card` are the same device") as caught:
        find_devices(FakeBackend(), ["card", "card:0"])
    assert "\n" not in str(caught.value)


def test_a_device_that_is_not_there_is_refused_wherever_it_stands() -> None:
    with pytest.raises(Unsupported, match=r"no device 'card:7'\. Did you mean 'card:1'"):
        find_devices(FakeBackend(), ["cpu", "card:7"])


class Counting(FakeBackend):
    """Notes which device opened which worker, and what was closed."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def compile(self, model: Model, device: Device, options: Options) -> Counting.Compiled:  # type: ignore[override]
        self.said.append(f"compile {device.address}")
        return Counting.Compiled(self.said, device)

    class Compiled:
        facts = FACTS

        def __init__(self, said: list[str], device: Device) -> None:
            self.said, self.device = said, device

        def open(self, worker: int) -> ScriptedSession:
            self.said.append(f"open {self.device.address} {worker}")
            return ScriptedSession()

        def close(self) -> None:
            self.said.append(f"close {self.device.address}")


def test_a_model_is_compiled_once_per_device_and_workers_count_device_by_device() -> None:
    backend = Counting()
    options = Options(precision="fp32", max_batch=1, workers=2, threads=1)
    compiled = [(device, backend.compile(MODEL, device, options)) for device in backend.devices()[1:]]
    with placed(compiled, options.workers) as ready:
        assert len(ready.sessions) == 4
        assert [entry.device.address for entry in ready.on] == ["card:0", "card:1"]
    assert backend.said == [
        *("compile card:0", "compile card:1"),
        *("open card:0 0", "open card:0 1", "open card:1 0", "open card:1 1"),
        *("close card:0", "close card:1"),
    ]


MODEL = Model(path=None, inputs=(), outputs=(OUTPUT,))  # type: ignore[arg-type]  # the scripted session reads no file


def placed_on(lane: Lane, *precisions: str) -> Placed:
    facts = [msgspec.structs.replace(FACTS, precision_executed=precision) for precision in precisions]
    on = tuple(DeviceFacts(device=Device(kind="card", index=i), facts=entry) for i, entry in enumerate(facts))
    return Placed(on=on, sessions=lane.sessions)


def answer(batch: Arrays, factor: float) -> NDArray[np.float32]:
    plain = batch["x"].astype(np.float32)
    return factor * np.stack([1.0 + plain, 2.0 + 0.0 * plain], axis=1).astype(np.float32)


def lane_of(*factors: float) -> Lane:
    """One session per factor that its answers are off by."""

    def session(factor: float) -> ScriptedSession:
        return ScriptedSession(lambda call, batch, out: out["y"].__setitem__(..., answer(batch, factor)))

    return make_lane([session(factor) for factor in factors], AllDue(), count=11)


def run_in_turn(lane: Lane, rows: int) -> SecretSample:
    """What the driver does, with the workers taking turns."""
    secret = SecretSample(rows, 2, seed=3)
    for row in range(rows):
        ring = lane.rings[row % len(lane.rings)]
        lane.sessions[ring.worker].run(lane.samples.row(row), ring.slots[0])
        secret.draw(1, lambda slot, row=row: (2 * row, 2), ring, last=row == rows - 1)  # type: ignore[misc]
    return secret


def first_answers(lane: Lane) -> dict[str, NDArray[np.generic]]:
    return {"y": np.concatenate([answer(lane.samples.span(number, 1), 1.0) for number in range(11)])}


@pytest.mark.parametrize("wrong", [0, 1, 2, 3, None])
@pytest.mark.parametrize("rows", [4, 9, 400])
def test_a_wrong_session_beside_right_ones_is_found_whichever_it_is(rows: int, wrong: int | None) -> None:
    """Two devices of two workers; at least one row of each worker is looked at, however few there are."""
    lane = lane_of(*(-1.0 if worker == wrong else 1.0 for worker in range(4)))
    secret = run_in_turn(lane, rows)
    assert set(secret.worker.values()) == {0, 1, 2, 3}
    found = verify_placed(placed_on(lane, "fp32", "fp32"), MODEL, lane.samples, secret, first_answers(lane))
    assert found.samples == 2 * len(secret.kept)
    assert (found.mismatched > 0) == (wrong is not None)


def test_rows_are_recomputed_on_the_device_that_answered_them() -> None:
    """A device that answers as it did is not accused by another one's session: only by the first answers."""
    lane = lane_of(1.0, 1.05)
    secret = run_in_turn(lane, 20)
    for session in lane.sessions:
        session.seen.clear()  # type: ignore[attr-defined]
    verify_placed(placed_on(lane, "fp32", "fp32"), MODEL, lane.samples, secret, first_answers(lane))
    for worker, session in enumerate(lane.sessions):
        assert len(session.seen) == sum(by == worker for by in secret.worker.values())  # type: ignore[attr-defined]


@pytest.mark.parametrize(("precisions", "mismatched"), [(("fp32", "bf16"), False), (("fp32", "fp32"), True)])
def test_the_coarsest_precision_says_how_far_devices_may_differ(precisions: tuple[str, ...], mismatched: bool) -> None:
    lane = lane_of(1.0, 1.05)
    secret = run_in_turn(lane, 40)
    found = verify_placed(placed_on(lane, *precisions), MODEL, lane.samples, secret, first_answers(lane))
    assert (found.mismatched > 0) == mismatched


def test_an_error_that_is_no_number_stays_one() -> None:
    lane = lane_of(1.0, float("nan"))
    secret = run_in_turn(lane, 8)
    found = verify_placed(placed_on(lane, "fp32", "fp32"), MODEL, lane.samples, secret, first_answers(lane))
    assert found.largest_error is None
    assert found.mismatched >= 2
