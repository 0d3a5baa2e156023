"""All checks of one backend on one device, in order; what a backend raises is a verdict and never an end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial

from bench.backends.base import Backend, DeviceLost, Unsupported
from bench.conformance import checks
from bench.conformance.case import Case, Failed, Skipped, close_case, open_case
from bench.conformance.exhaustion import out_of_memory
from bench.models.base import Workload
from bench.plugins import one_line
from bench.records.conformance import State, Verdict
from bench.records.host import Device
from bench.records.plan import Setting

_LOST = "device-lost"
_WHOLE = {
    "unknown-setting": checks.unknown_setting,
    "missing-precision": checks.missing_precision,
    "broken-file": checks.broken_file,
}


def examine(
    backend: Backend, device: Device, workloads: Mapping[str, Workload], settings: dict[str, Setting], cycles: int
) -> Iterator[Verdict]:
    """Verdicts as they come: on the backend as a whole, then on each workload in each precision of the device.

    One that loses its device is the last: what it would be asked after that says nothing of it.
    """
    for verdict in _examined(backend, device, workloads, settings, cycles):
        yield verdict
        if verdict.code == _LOST:
            return


def exhaust(
    backend: Backend, device: Device, workloads: Mapping[str, Workload], settings: dict[str, Setting]
) -> Iterator[Verdict]:
    """What it says when memory runs out; in a process that nothing else is asked of."""
    model = next(iter(workloads.values())).model()
    yield _verdict("out-of-memory", "", partial(out_of_memory, backend, device, model, settings))


def _examined(
    backend: Backend, device: Device, workloads: Mapping[str, Workload], settings: dict[str, Setting], cycles: int
) -> Iterator[Verdict]:
    model = next(iter(workloads.values())).model()
    for code, check in _WHOLE.items():
        yield _verdict(code, "", partial(check, backend, device, model))
    for name, workload in workloads.items():
        for precision in device.precisions:
            yield from _workload(backend, device, workload, f"{name}.{precision}", precision, settings, cycles)


def _workload(
    backend: Backend,
    device: Device,
    workload: Workload,
    subject: str,
    precision: str,
    settings: dict[str, Setting],
    cycles: int,
) -> Iterator[Verdict]:
    opened: list[Case] = []

    def start() -> str:
        opened.append(open_case(backend, device, workload, precision, settings))
        return ""

    yield _verdict("compile", subject, start)
    for case in opened:
        for code, check in _per_workload(cycles).items():
            yield _verdict(code, subject, partial(check, case))
        yield _verdict("closing", subject, partial(close_case, case))


def _per_workload(cycles: int) -> dict[str, Callable[[Case], str]]:
    return {
        "facts": checks.facts,
        "agreement": checks.agreement_with_reference,
        "repeatability": checks.repeatability,
        "two-sessions": checks.two_sessions,
        "inputs-untouched": checks.inputs_untouched,
        "wrong-type": checks.wrong_type,
        "wrong-shape": checks.wrong_shape,
        "memory-returned": partial(checks.memory_returned, cycles=cycles),
    }


def _verdict(code: str, subject: str, check: Callable[[], str]) -> Verdict:
    state: State
    try:
        state, seen = "passed", check()
    except DeviceLost as error:
        return Verdict(code=_LOST, state="failed", subject=subject, seen=str(error))
    except (Skipped, Unsupported) as error:  # what the device cannot do is no breach of the contract
        state, seen = "skipped", str(error)
    except Failed as error:
        state, seen = "failed", str(error)
    except Exception as error:  # noqa: BLE001 - an engine may raise anything
        state, seen = "failed", one_line(error)
    return Verdict(code=code, state=state, subject=subject, seen=seen)
