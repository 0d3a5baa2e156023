"""The checks: each takes what it needs, returns what it saw, and raises Failed or Skipped."""

from __future__ import annotations

import ctypes
import gc
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np

from bench.backends.base import Arrays, Backend, EngineError, Model, Options, Tensor
from bench.conformance.case import MAX_BATCH, Case, Failed, Skipped, mixed_sizes, sample_errors_from, worst_error
from bench.loadgen.samples import Named
from bench.records.host import Device, Facts
from bench.records.numbers import RelativeError
from bench.records.plan import PRECISIONS, Setting
from bench.scoring.numeric import agreement
from bench.tasks.base import ERROR_CLASS

# Where every sample is held to an error class, answers can differ in near ties only; in int8 half of them are.
_AGREEMENT = 0.9
_LEAK_BYTES = 128 << 10  # per opening and closing; the smallest weights of the suite are eight times as large
_SLACK_BYTES = 4 << 20  # what an allocator takes once, whenever that is
_WARM_CYCLES = 5


# ------------------------------------------------------------------------------------------ the backend as a whole


def unknown_setting(backend: Backend, device: Device, model: Model) -> str:
    """A setting that nobody knows is refused, by name."""
    error = _refusal(backend, model, device, device.precisions[0], {"no_such_setting": 1})
    if "no_such_setting" not in error:
        raise Failed(f"the refusal does not name the setting: {error}")
    return error


def missing_precision(backend: Backend, device: Device, model: Model) -> str:
    """A precision that the device does not list is refused."""
    missing = [precision for precision in PRECISIONS if precision not in device.precisions]
    if not missing:
        raise Skipped("the device lists every precision")
    return _refusal(backend, model, device, missing[0], {})


def broken_file(backend: Backend, device: Device, model: Model) -> str:
    """A file that is no model is refused in one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "broken.onnx"
        path.write_bytes(b"\x00no model" * 16)
        broken = msgspec.structs.replace(model, path=path)
        return _refusal(backend, broken, device, device.precisions[0], {})


def _refusal(backend: Backend, model: Model, device: Device, precision: str, settings: dict[str, Setting]) -> str:
    options = Options(precision=precision, max_batch=1, workers=1, threads=1, settings=settings)
    try:
        backend.compile(model, device, options).open(0)
    except EngineError as error:
        if "\n" in str(error):
            raise Failed(f"the refusal has several lines: {error!r}") from None
        return str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not what the contract says
        raise Failed(f"{type(error).__name__} where EngineError or Unsupported is due: {error}") from None
    raise Failed("taken without a word")


# ----------------------------------------------------------------------------------------- a workload in a precision


def facts(case: Case) -> str:
    """Facts are plain values in their ranges, and the precision is one that is known."""
    told = case.compiled.facts
    try:
        again = msgspec.json.decode(msgspec.json.encode(told), type=Facts)
    except (TypeError, msgspec.MsgspecError) as error:
        raise Failed(f"facts that no record can hold: {error}") from None
    if again.precision_executed not in ERROR_CLASS:
        raise Failed(f"precision_executed is {again.precision_executed!r}; known: {', '.join(ERROR_CLASS)}")
    share = again.device_operator_share
    if again.compile_s < 0 or (share is not None and not 0 <= share <= 1):
        raise Failed(f"compile_s {again.compile_s}, device_operator_share {share}")
    return f"{again.engine} {again.engine_version}, executed {again.precision_executed}"


def agreement_with_reference(case: Case) -> str:
    """Batches of 1, 3 and the largest agree with the double-precision reference."""
    expected = _expected(case)
    found = case.ask(case.sessions[0], mixed_sizes())
    count = len(next(iter(found.values())))
    errors = sample_errors_from(found, expected)
    error, held = RelativeError(median=float(np.median(errors)), max=float(errors.max())), case.held
    seen = f"relative error {'of half the samples ' if held.by_median else ''}up to {held.seen(error):.2g}"
    if not held.holds(error):
        raise Failed(f"{seen}; the executed precision allows {held.limit:.2g}")
    name = case.model.outputs[0].name
    flat = (found[name].reshape(count, -1), expected[name][:count].reshape(count, -1))
    if case.top_answers and held.by_median and agreement(*flat) < _AGREEMENT:
        raise Failed(f"{agreement(*flat):.1%} of the answers are the reference's; {_AGREEMENT:.0%} are due")
    return f"{seen} of {held.limit:.2g} in {count} samples"


def repeatability(case: Case) -> str:
    """The same batch again gives the same answers, within the precision."""
    first, second = (case.ask(case.sessions[0], (MAX_BATCH,)) for _ in range(2))
    error, limit = worst_error(second, first), case.held.at_worst
    if not error <= limit:
        raise Failed(f"a second run differs by {error:.2g}; {limit:.2g} is allowed")
    return f"differs by {error:.2g}"


def two_sessions(case: Case) -> str:
    """Two sessions that run at once answer for their own samples."""
    expected, limit = _expected(case), case.held.at_worst
    found = case.at_once(rounds=10)
    errors = [worst_error(found[worker], expected, worker * 2 * MAX_BATCH) for worker in (0, 1)]
    if not max(errors) <= limit:
        raise Failed(f"relative error up to {max(errors):.2g} while another session runs; {limit:.2g} is allowed")
    return f"relative error up to {max(errors):.2g} of {limit:.2g}"


def inputs_untouched(case: Case) -> str:
    """A session does not write into its inputs."""
    batch = {name: array[:MAX_BATCH].copy() for name, array in case.inputs.items()}
    out = {tensor.name: np.zeros((MAX_BATCH, *tensor.shape), tensor.dtype) for tensor in case.model.outputs}
    case.sessions[0].run(batch, out)
    changed = [name for name, array in batch.items() if not np.array_equal(array, case.inputs[name][:MAX_BATCH])]
    if changed:
        raise Failed(f"inputs changed: {', '.join(changed)}")
    return ""


def wrong_type(case: Case) -> str:
    """Inputs of another element type are refused, and the session goes on."""

    def spoil(tensor: Tensor, arrays: Arrays) -> Arrays:
        other = np.float32 if tensor.dtype == "float64" else np.float64
        return {**arrays, tensor.name: arrays[tensor.name].astype(other)}

    return _refused_batch(case, spoil)


def wrong_shape(case: Case) -> str:
    """Inputs of another shape are refused, and the session goes on."""

    def spoil(tensor: Tensor, arrays: Arrays) -> Arrays:
        if not tensor.shape:
            raise Skipped("the input has no axis but the batch's")
        return {**arrays, tensor.name: arrays[tensor.name][..., :-1].copy()}

    return _refused_batch(case, spoil)


def _refused_batch(case: Case, spoil: Callable[[Tensor, Arrays], Arrays]) -> str:
    good = {name: array[:MAX_BATCH] for name, array in case.inputs.items()}
    out = {tensor.name: np.zeros((MAX_BATCH, *tensor.shape), tensor.dtype) for tensor in case.model.outputs}
    batch = spoil(case.model.inputs[0], good)
    try:
        case.sessions[0].run(batch, out)
    except Exception as error:  # noqa: BLE001 - any refusal will do
        case.ask(case.sessions[0], (MAX_BATCH,))
        return " ".join(str(error).split())[:200]
    raise Failed("taken without a word")


def memory_returned(case: Case, cycles: int) -> str:
    """Opening, answering and closing again and again does not fill the host's memory.

    A leak grows as much again; what an allocator keeps of freed memory for a while does not.
    """
    trimmed = give_back_freed()
    _open_and_close(case, _WARM_CYCLES)
    # An allocator that cannot be asked to give back may keep room for the weights of the next model.
    allowed = _SLACK_BYTES + cycles * _LEAK_BYTES + (0 if trimmed else case.weights_bytes)
    grown = again = _growth(case, cycles)
    if grown > allowed:
        again = _growth(case, cycles)
    if again > allowed:
        raise Failed(
            f"{grown >> 10} KiB stay behind after {cycles} openings, and {again >> 10} KiB after as many more; "
            f"{allowed >> 10} KiB are allowed"
        )
    return f"{max(again, 0) >> 10} KiB after {cycles} openings"


def _growth(case: Case, cycles: int) -> int:
    """Bytes that the process has more after so many openings."""
    import psutil

    give_back_freed()
    begun: int = psutil.Process().memory_info().rss
    _open_and_close(case, cycles)
    give_back_freed()
    return int(psutil.Process().memory_info().rss) - begun


def _open_and_close(case: Case, cycles: int) -> None:
    for _ in range(cycles):
        compiled = case.backend.compile(case.model, case.device, case.options)
        session = compiled.open(0)
        case.ask(session, (MAX_BATCH,))
        session.close()
        compiled.close()


def give_back_freed() -> bool:
    """Have what is free given back to the system; False where the C library has no such call (only glibc has)."""
    gc.collect()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError, TypeError):
        return False
    # What glibc keeps of freed memory varies by 100 MiB from one opening of ResNet-50 to the next.
    trim(0)
    return True


def _expected(case: Case) -> Named:
    if case.expected is None:
        raise Skipped("the workload has no reference answers")
    return case.expected
