"""The process that measures peaks: each precision in turn, a line for each; `bench.peaks.process` starts it."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from bench.backends.base import Backend, EngineError, Model, Options, Unsupported, find_device
from bench.backends.registry import load_backend
from bench.host.engine_answers import answering
from bench.peaks.graphs import inputs, product_model, read_model
from bench.peaks.process import Request, Shape
from bench.plugins import PluginError, one_line
from bench.records.host import Device
from bench.records.numbers import Refusal
from bench.records.roofline import MeasuredPeak
from bench.scoring.intervals import repetition_interval, repetition_value

_FEWEST, _MOST, _WARM = 5, 200, 2
_FLOAT_BYTES = 4


def peaks(request: Request, folder: Path) -> Iterator[MeasuredPeak]:
    """One peak for each precision of the device, and what it reads per second."""
    backend = load_backend(request.backend)
    device = find_device(backend, request.device)
    for precision in device.precisions:
        model = product_model(
            folder / f"product-{precision}.onnx", request.product.size, request.product.depth, precision == "int8"
        )
        yield _peak("product", backend, device, model, request.product, precision, request)
    model = read_model(folder / "read.onnx", request.read.size)
    yield _peak("read", backend, device, model, request.read, "fp32", request)


def _told(request: Request, folder: Path) -> Iterator[MeasuredPeak]:
    """The peaks; or, where there is no such backend or device, one that was asked for nothing, with the reason."""
    try:
        yield from peaks(request, folder)
    except (PluginError, Unsupported) as error:
        yield MeasuredPeak(what="product", device=request.device, asked="", refused=str(error))


def work_of(what: str, shape: Shape) -> float:
    """Operations or bytes of one call."""
    if what == "product":
        return 2.0 * shape.rows * shape.size * shape.size * shape.depth
    return float(_FLOAT_BYTES * shape.size * shape.size)


def _peak(
    what: str, backend: Backend, device: Device, model: Model, shape: Shape, precision: str, request: Request
) -> MeasuredPeak:
    options = Options(precision=precision, max_batch=shape.rows, workers=1, threads=request.threads)
    found = MeasuredPeak(
        what="product" if what == "product" else "read",
        device=device.address,
        asked=precision,
        shape=(shape.rows, shape.size, shape.depth),
    )
    try:
        compiled = backend.compile(model, device, options)
        session = compiled.open(0)
        batch = {"x": inputs(shape.rows, shape.size)}
        out = {"y": np.full((shape.rows, shape.size), np.nan, np.float32)}
        seconds: list[float] = []
        begun = time.perf_counter()
        while len(seconds) < _WARM + _FEWEST or (
            time.perf_counter() - begun < request.seconds and len(seconds) < _WARM + _MOST
        ):
            before = time.perf_counter_ns()
            session.run(batch, out)
            seconds.append((time.perf_counter_ns() - before) * 1e-9)
    except EngineError as error:
        return msgspec.structs.replace(found, refused=str(error))
    except Exception as error:  # noqa: BLE001 - an engine may raise anything; the others go on
        return msgspec.structs.replace(found, refused=one_line(error))
    session.close()
    facts = compiled.facts
    compiled.close()
    if not np.isfinite(out["y"]).all():
        return msgspec.structs.replace(found, refused="its answers hold NaN or infinity")
    rates = [work_of(what, shape) / taken for taken in seconds[_WARM:]]
    interval = repetition_interval(rates)
    return msgspec.structs.replace(
        found,
        engine=f"{facts.engine} {facts.engine_version}",
        precision=facts.precision_executed,
        per_s=repetition_value(rates),
        interval=None if isinstance(interval, Refusal) else interval,
        calls=len(rates),
    )


if __name__ == "__main__":
    asked, stream = answering(sys.argv[1:])
    with stream, tempfile.TemporaryDirectory() as place:
        for peak in _told(msgspec.json.decode(asked, type=Request), Path(place)):
            stream.write(msgspec.json.encode(peak) + b"\n")
            stream.flush()
