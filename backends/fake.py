"""A system under test with scripted delays, answers and faults; part of the product, and what the tests run on.

It computes no speed of its own: what it does is what its settings say.
"""

from __future__ import annotations

import ctypes
import os
import time

import msgspec
import numpy as np
from numpy.typing import NDArray

from bench.backends.base import Arrays, DeviceLost, EngineError, Model, Options, OutOfMemory, Session, Unsupported
from bench.plugins import suggestion
from bench.records.host import Device, Facts
from bench.records.plan import Setting

_FINGERPRINT_VALUES = 64


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fake's settings.

    `delay_us` + samples · `per_sample_us` is slept per batch, longer by the share `contention` for every further
    worker; samples · `host_us` of a processor's time are spent. A batch over `most_batch`, unless that is 0, is out
    of memory when it is compiled. `precision`, unless empty, is what the facts say was executed. `answers`:
    `reference` computes each distinct sample once with onnxruntime and then replays it; `zeros` writes zeros; `wrong`
    negates the reference. `fault` happens at call number `fault_after` (from 0): raise, raise-all (from then on),
    segfault, abort, exit, hang, nan, unwritten, drift (answers differ from then on), memory (allocation fails), lost
    (the device, for good); `no-compile` and `slow-compile` at once. With `fault_over_batch` it happens only in models
    that are made ready for larger batches than that.
    """

    delay_us: float = 0.0
    per_sample_us: float = 0.0
    host_us: float = 0.0
    contention: float = 0.0
    most_batch: int = 0
    precision: str = ""
    answers: str = "reference"
    fault: str = ""
    fault_after: int = 0
    fault_over_batch: int = 0


_ANSWERS = ("reference", "zeros", "wrong")
_FAULTS = (
    *("", "raise", "raise-all", "segfault", "abort", "exit", "hang", "nan", "unwritten", "drift", "memory", "lost"),
    *("no-compile", "slow-compile"),
)


class FakeBackend:
    """Settings: see `Script`. `card:1.NAME` is setting NAME of that device alone."""

    name = "fake"

    def devices(self) -> list[Device]:
        precisions = ("fp32", "fp16", "bf16", "int8")
        addresses = (("cpu", 0), ("card", 0), ("card", 1))
        return [Device(kind=kind, index=i, title="scripted device", precisions=precisions) for kind, i in addresses]

    def compile(self, model: Model, device: Device, options: Options) -> _Compiled:
        settings = self._settings_of(device, options)
        for key in settings:
            if key not in Script.__struct_fields__:
                raise Unsupported(f"fake has no setting {key!r}.{suggestion(key, list(Script.__struct_fields__))}")
        try:
            script = msgspec.convert(settings, Script, strict=False)
        except msgspec.ValidationError as error:
            raise Unsupported(f"fake: settings: {error}") from None
        for key, value, known in (("answers", script.answers, _ANSWERS), ("fault", script.fault, _FAULTS)):
            if value not in known:
                meant = suggestion(value, list(filter(None, known)))
                raise Unsupported(f"fake's setting {key!r} cannot be {value!r}.{meant}")
        if options.max_batch <= script.fault_over_batch:
            script = msgspec.structs.replace(script, fault="")
        if script.fault == "no-compile":
            raise EngineError("fake: refuses to compile, as scripted.")
        if script.fault == "slow-compile":
            time.sleep(3600)
        if 0 < script.most_batch < options.max_batch:
            raise OutOfMemory(f"fake: out of memory at a batch of {options.max_batch}, as scripted.")
        return _Compiled(model, device, options, script)

    def _settings_of(self, device: Device, options: Options) -> dict[str, Setting]:
        addresses = tuple(f"{one.address}." for one in self.devices())
        common = {key: value for key, value in options.settings.items() if not key.startswith(addresses)}
        prefix = f"{device.address}."
        own = {key.removeprefix(prefix): value for key, value in options.settings.items() if key.startswith(prefix)}
        return common | own


class _Compiled:
    def __init__(self, model: Model, device: Device, options: Options, script: Script) -> None:
        self._model, self._options, self._script = model, options, script
        self.facts = Facts(
            engine="fake",
            engine_version="1",
            precision_executed=script.precision or options.precision,
            device_operator_share=1.0,
            compile_s=0.0,
            synthetic=True,
            applied=dict(options.settings),
        )
        self._memo: dict[bytes, list[NDArray[np.generic]]] = {}

    def open(self, worker: int) -> Session:
        if self._script == Script(answers="zeros"):
            return _Null()
        reference = None if self._script.answers == "zeros" else _reference_session(self._model, self._options)
        return _Scripted(self._script, self._model, reference, self._memo, self._options.workers)

    def close(self) -> None:
        self._memo.clear()


class _Null:
    """Zero delay, zero answers: what remains is the harness's own cost."""

    def run(self, batch: Arrays, out: Arrays) -> None:
        for array in out.values():
            array.fill(0)

    def close(self) -> None:
        return


class _Scripted:
    def __init__(
        self,
        script: Script,
        model: Model,
        reference: Session | None,
        memo: dict[bytes, list[NDArray[np.generic]]],
        workers: int = 1,
    ) -> None:
        self._script, self._model, self._reference, self._memo = script, model, reference, memo
        self._slower, self._calls = 1.0 + script.contention * (workers - 1), 0

    def run(self, batch: Arrays, out: Arrays) -> None:
        call, self._calls = self._calls, self._calls + 1
        due = call >= self._script.fault_after if self._script.fault in _LASTING else call == self._script.fault_after
        if due and self._script.fault:
            _break(self._script.fault)
        if not (due and self._script.fault == "unwritten"):
            self._answer(batch, out)
        if due:
            _spoil(self._script.fault, out)
        samples = len(next(iter(batch.values())))
        spent_s = time.thread_time() + samples * self._script.host_us / 1e6
        while self._script.host_us and time.thread_time() < spent_s:
            pass
        delay_us = self._script.delay_us + samples * self._script.per_sample_us
        if delay_us:
            time.sleep(delay_us * self._slower / 1e6)

    def close(self) -> None:
        if self._reference is not None:
            self._reference.close()

    def _answer(self, batch: Arrays, out: Arrays) -> None:
        if self._reference is None:
            for array in out.values():
                array[...] = 0
            return
        for i in range(len(next(iter(batch.values())))):
            answers = self._recall({name: array[i : i + 1] for name, array in batch.items()})
            for array, answer in zip(out.values(), answers, strict=True):
                array[i] = np.negative(answer) if self._script.answers == "wrong" else answer

    def _recall(self, sample: dict[str, NDArray[np.generic]]) -> list[NDArray[np.generic]]:
        key = b"".join(_fingerprint(array) for array in sample.values())
        if key not in self._memo:
            assert self._reference is not None
            out = {t.name: np.empty((1, *t.shape), t.dtype) for t in self._model.outputs}
            self._reference.run(sample, out)
            self._memo[key] = [array[0] for array in out.values()]
        return self._memo[key]


_LASTING = ("raise-all", "lost", "nan", "unwritten", "drift")


def _break(fault: str) -> None:
    if fault in ("raise", "raise-all"):
        raise EngineError("fake: fails, as scripted.")
    if fault == "memory":
        raise MemoryError("fake: out of memory, as scripted.")
    if fault == "lost":
        raise DeviceLost("fake: the device is lost, as scripted.")
    if fault == "hang":
        time.sleep(3600)
    elif fault == "segfault":
        ctypes.string_at(0)
    elif fault == "abort":
        os.abort()
    elif fault == "exit":
        os._exit(3)


def _spoil(fault: str, out: Arrays) -> None:
    for array in out.values():
        if fault == "nan":
            array[...] = np.nan
        elif fault == "drift":
            array[...] = array + 1


def _reference_session(model: Model, options: Options) -> Session:
    from bench.backends.onnxruntime import BACKEND

    plain = Options(precision="fp32", max_batch=options.max_batch, workers=1, threads=options.threads)
    compiled = BACKEND.compile(model, BACKEND.devices()[0], plain)
    return compiled.open(0)


def _fingerprint(array: NDArray[np.generic]) -> bytes:
    flat = array.reshape(-1)
    return flat[:: max(1, flat.size // _FINGERPRINT_VALUES)].tobytes()


BACKEND = FakeBackend()
